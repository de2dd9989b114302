-- A trial that is rolled back is an entry with neither a state nor an epoch; its value is the
-- last epoch that stays. What it takes back stays in the log as `retracted`, and its epochs are
-- free again.
ALTER TABLE events ADD COLUMN retracted INTEGER NOT NULL DEFAULT 0;
DROP INDEX events_of_trial;
CREATE UNIQUE INDEX events_of_trial ON events (trial, epoch)
    WHERE epoch IS NOT NULL AND retracted = 0;
