-- Writes so far that rest on the log of the trial, or of the whole experiment.
ALTER TABLE trials ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiments ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
