-- How the trial's learning rate will run, as JSON; NULL where it declares nothing.
ALTER TABLE trials ADD COLUMN schedule TEXT;
