-- Whether the search lends no candidate until it is resumed.
ALTER TABLE searches ADD COLUMN paused BOOLEAN NOT NULL DEFAULT false;
