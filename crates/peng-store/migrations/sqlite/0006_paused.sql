-- Whether the search lends no candidate until it is resumed.
ALTER TABLE searches ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
