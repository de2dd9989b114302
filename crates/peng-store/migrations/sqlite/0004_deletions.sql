-- An experiment that is deleted is at once no longer found: it gives up its id, for one that no
-- experiment can have. Its rows go a few at a time.
ALTER TABLE experiments ADD COLUMN deleted_us INTEGER;
CREATE INDEX experiments_deleted ON experiments (key) WHERE deleted_us IS NOT NULL;
