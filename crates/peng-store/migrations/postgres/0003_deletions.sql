-- An experiment that is deleted is at once no longer found: it gives up its id, for one that no
-- experiment can have. Its rows go a few at a time, and none of the log is read to let a trial
-- go: a commit takes only observations of trials that are there.
ALTER TABLE experiments ADD COLUMN deleted_us BIGINT;
CREATE INDEX experiments_deleted ON experiments (key) WHERE deleted_us IS NOT NULL;
ALTER TABLE events DROP CONSTRAINT events_trial_fkey;
