CREATE TABLE experiments (
    key          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    label        TEXT    NOT NULL, -- JSON
    settings     TEXT    NOT NULL, -- JSON
    created_us   INTEGER NOT NULL  -- microseconds since 1970
) STRICT;

CREATE TABLE trials (
    key          INTEGER PRIMARY KEY,
    experiment   INTEGER NOT NULL REFERENCES experiments,
    id           TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    message      TEXT    NOT NULL DEFAULT '',
    created_us   INTEGER NOT NULL,
    ended_us     INTEGER,
    UNIQUE (experiment, id)
) STRICT;

-- What happened, in the order of its commits: an observation with its decision
-- where `epoch` is set, else the trial's entry into `state`.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment   INTEGER NOT NULL,
    trial        INTEGER NOT NULL REFERENCES trials,
    at_us        INTEGER NOT NULL,
    state        TEXT,
    epoch        REAL,
    value        REAL, -- NULL is NaN: SQLite has no other way to write it
    decision     TEXT  -- JSON
) STRICT;

CREATE UNIQUE INDEX events_of_trial ON events (trial, epoch) WHERE epoch IS NOT NULL;
CREATE INDEX events_of_experiment ON events (experiment, seq);

CREATE TABLE searches (
    key          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    settings     TEXT    NOT NULL, -- JSON
    watched      TEXT    NOT NULL DEFAULT '', -- resume token of the last verdict acted on
    created_us   INTEGER NOT NULL
) STRICT;

CREATE TABLE candidates (
    search       INTEGER NOT NULL REFERENCES searches,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL, -- JSON
    PRIMARY KEY (search, number)
) STRICT, WITHOUT ROWID;
