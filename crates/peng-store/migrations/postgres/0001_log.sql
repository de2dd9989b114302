-- Times are microseconds since 1970. Ids are compared byte by byte.

CREATE TABLE experiments (
    key          BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           TEXT   COLLATE "C" NOT NULL UNIQUE,
    label        TEXT   NOT NULL, -- JSON
    settings     TEXT   NOT NULL, -- JSON
    created_us   BIGINT NOT NULL,
    version      BIGINT NOT NULL DEFAULT 0, -- writes so far that rest on the log of the whole experiment
    last_seq     BIGINT NOT NULL DEFAULT 0  -- of its events
) WITH (fillfactor = 50); -- a row changes with every commit

CREATE TABLE trials (
    key          BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    experiment   BIGINT NOT NULL REFERENCES experiments,
    id           TEXT   COLLATE "C" NOT NULL,
    display_name TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    message      TEXT   NOT NULL DEFAULT '',
    created_us   BIGINT NOT NULL,
    ended_us     BIGINT,
    version      BIGINT NOT NULL DEFAULT 0, -- writes so far that rest on its log
    UNIQUE (experiment, id)
) WITH (fillfactor = 80);

-- What happened, in the order of its commits: an observation with its decision
-- where `epoch` is set, else the trial's entry into `state`. A commit locks the
-- rows of its experiments, so the places of one experiment become visible in order.
CREATE TABLE events (
    experiment   BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    trial        BIGINT NOT NULL REFERENCES trials,
    at_us        BIGINT NOT NULL,
    state        TEXT,
    epoch        DOUBLE PRECISION,
    value        DOUBLE PRECISION,
    decision     TEXT, -- JSON
    PRIMARY KEY (experiment, seq)
);

CREATE UNIQUE INDEX events_of_trial ON events (trial, epoch) WHERE epoch IS NOT NULL;

CREATE TABLE searches (
    key          BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           TEXT   COLLATE "C" NOT NULL UNIQUE,
    settings     TEXT   NOT NULL, -- JSON
    watched      TEXT   NOT NULL DEFAULT '', -- resume token of the last verdict acted on
    created_us   BIGINT NOT NULL
);

CREATE TABLE candidates (
    search       BIGINT NOT NULL REFERENCES searches,
    number       BIGINT NOT NULL,
    record       TEXT   NOT NULL, -- JSON
    PRIMARY KEY (search, number)
);
