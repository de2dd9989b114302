PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'log','2026-11-24 13:55:43',1,X'c6c10c33e46ef50c59de4adb8e75160c597992e3a20fab6e787e52ac1844da009a473c42fa1bd37626b3020ea89d10f5',776175);
CREATE TABLE experiments (
    key          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    label        TEXT    NOT NULL, -- JSON
    settings     TEXT    NOT NULL, -- JSON
    created_us   INTEGER NOT NULL  -- microseconds since 1970
) STRICT;
INSERT INTO experiments VALUES(1,'alone','{"display_name":"","metric":"accuracy","unit":"percent"}','{"goal":"maximize","range":{"lower":0.0,"upper":100.0},"target":20.0,"policy":{"name":"peng4nn","c_min":3,"window":3,"radius":0.5,"family":"exp","axis":"by_epoch","origin":0.0,"clear_at_bound":true,"plausible":"newest","threshold":"absolute"},"mode":"enforce"}',1795528544871278);
INSERT INTO experiments VALUES(2,'compared','{"display_name":"","metric":"accuracy","unit":"percent"}','{"goal":"maximize","range":{"lower":0.0,"upper":100.0},"target":20.0,"policy":{"name":"median","percentile":50.0,"startup_trials":5,"warmup_epochs":0.0,"interval_epochs":0.0,"min_trials":1,"running_average":false},"mode":"enforce"}',1795528544886242);
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
INSERT INTO trials VALUES(1,1,'t0','','stopped','',1795528544907271,1795528544974813);
INSERT INTO trials VALUES(2,1,'t1','','running','',1795528545018762,NULL);
INSERT INTO trials VALUES(3,2,'t0','','succeeded','',1795528545037785,1795528545049215);
INSERT INTO trials VALUES(4,2,'t1','','running','',1795528545045365,NULL);
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
INSERT INTO events VALUES(1,1,1,1795528544907271,'running',NULL,NULL,NULL);
INSERT INTO events VALUES(2,1,1,1795528544935363,NULL,1.0,45.0,'{"verdict":"continue","reason":{"code":"too_few_observations","observations":1,"needed":3},"prediction":null,"stale":false}');
INSERT INTO events VALUES(3,1,1,1795528544938749,NULL,2.0,62.5,'{"verdict":"continue","reason":{"code":"too_few_observations","observations":2,"needed":3},"prediction":null,"stale":false}');
INSERT INTO events VALUES(4,1,1,1795528544954652,NULL,3.0,71.25,'{"verdict":"continue","reason":{"code":"unsettled","predictions":1,"window":3,"spread":null,"radius":0.5,"in_range":true},"prediction":{"fitness":79.99993380620438,"interval":null,"curve":{"family":"exp","parameters":[80.00000056343478,1.9999999570716385,6.129283197898485],"sse":1.0078054125710201e-14,"points":3,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(5,1,1,1795528544964975,NULL,4.0,75.625,'{"verdict":"continue","reason":{"code":"unsettled","predictions":2,"window":3,"spread":null,"radius":0.5,"in_range":true},"prediction":{"fitness":79.99993357578266,"interval":{"lower":79.99993117692257,"upper":79.99993597464275,"level":0.9},"interval_50":{"lower":79.99993319584055,"upper":79.99993395572477,"level":0.5},"curve":{"family":"exp","parameters":[80.00000033300631,1.9999999669686477,6.1292831509707755],"sse":1.9249385431959e-14,"points":4,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(6,1,1,1795528544974813,NULL,5.0,77.8125,'{"verdict":"stop","reason":{"code":"converged","window":3,"spread":2.304217190385316e-7,"radius":0.5},"prediction":{"fitness":79.99993351085786,"interval":{"lower":79.99993276999778,"upper":79.99993425171793,"level":0.9},"interval_50":{"lower":79.99993330369597,"upper":79.99993371801975,"level":0.5},"curve":{"family":"exp","parameters":[80.00000026808182,1.9999999661926382,6.129283150095455],"sse":3.901170030904816e-14,"points":5,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(7,1,1,1795528544974813,'stopped',NULL,NULL,NULL);
INSERT INTO events VALUES(8,1,1,1795528544986751,NULL,6.0,78.90625,'{"verdict":"stop","reason":{"code":"converged","window":3,"spread":2.304217190385316e-7,"radius":0.5},"prediction":{"fitness":79.99993351085786,"interval":{"lower":79.99993276999778,"upper":79.99993425171793,"level":0.9},"interval_50":{"lower":79.99993330369597,"upper":79.99993371801975,"level":0.5},"curve":{"family":"exp","parameters":[80.00000026808182,1.9999999661926382,6.129283150095455],"sse":3.901170030904816e-14,"points":5,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(9,1,1,1795528544998668,NULL,7.0,79.453125,'{"verdict":"stop","reason":{"code":"converged","window":3,"spread":2.304217190385316e-7,"radius":0.5},"prediction":{"fitness":79.99993351085786,"interval":{"lower":79.99993276999778,"upper":79.99993425171793,"level":0.9},"interval_50":{"lower":79.99993330369597,"upper":79.99993371801975,"level":0.5},"curve":{"family":"exp","parameters":[80.00000026808182,1.9999999661926382,6.129283150095455],"sse":3.901170030904816e-14,"points":5,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(10,1,1,1795528545006764,NULL,8.0,79.7265625,'{"verdict":"stop","reason":{"code":"converged","window":3,"spread":2.304217190385316e-7,"radius":0.5},"prediction":{"fitness":79.99993351085786,"interval":{"lower":79.99993276999778,"upper":79.99993425171793,"level":0.9},"interval_50":{"lower":79.99993330369597,"upper":79.99993371801975,"level":0.5},"curve":{"family":"exp","parameters":[80.00000026808182,1.9999999661926382,6.129283150095455],"sse":3.901170030904816e-14,"points":5,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(11,1,2,1795528545018762,'running',NULL,NULL,NULL);
INSERT INTO events VALUES(12,1,2,1795528545034785,NULL,1.0,40.0,'{"verdict":"continue","reason":{"code":"too_few_observations","observations":1,"needed":3},"prediction":null,"stale":false}');
INSERT INTO events VALUES(13,1,2,1795528545035659,NULL,2.0,55.0,'{"verdict":"continue","reason":{"code":"too_few_observations","observations":2,"needed":3},"prediction":null,"stale":false}');
INSERT INTO events VALUES(14,1,2,1795528545036514,NULL,3.0,62.5,'{"verdict":"continue","reason":{"code":"unsettled","predictions":1,"window":3,"spread":null,"radius":0.5,"in_range":true},"prediction":{"fitness":69.99994326246127,"interval":null,"curve":{"family":"exp","parameters":[70.00000048294447,1.9999999570716034,5.906890769675515],"sse":7.404296148892089e-15,"points":3,"outcome":{"kind":"converged"}}},"stale":false}');
INSERT INTO events VALUES(15,2,3,1795528545037785,'running',NULL,NULL,NULL);
INSERT INTO events VALUES(16,2,3,1795528545038871,NULL,1.0,45.0,'{"verdict":"continue","reason":{"code":"passed","epoch":1.0,"value":45.0,"threshold":null},"prediction":{"fitness":45.0,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(17,2,3,1795528545039707,NULL,2.0,62.5,'{"verdict":"continue","reason":{"code":"passed","epoch":2.0,"value":62.5,"threshold":null},"prediction":{"fitness":62.5,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(18,2,3,1795528545040505,NULL,3.0,71.25,'{"verdict":"continue","reason":{"code":"passed","epoch":3.0,"value":71.25,"threshold":null},"prediction":{"fitness":71.25,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(19,2,3,1795528545041309,NULL,4.0,75.625,'{"verdict":"continue","reason":{"code":"passed","epoch":4.0,"value":75.625,"threshold":null},"prediction":{"fitness":75.625,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(20,2,3,1795528545042172,NULL,5.0,77.8125,'{"verdict":"continue","reason":{"code":"passed","epoch":5.0,"value":77.8125,"threshold":null},"prediction":{"fitness":77.8125,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(21,2,3,1795528545042952,NULL,6.0,78.90625,'{"verdict":"continue","reason":{"code":"passed","epoch":6.0,"value":78.90625,"threshold":null},"prediction":{"fitness":78.90625,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(22,2,3,1795528545043760,NULL,7.0,79.453125,'{"verdict":"continue","reason":{"code":"passed","epoch":7.0,"value":79.453125,"threshold":null},"prediction":{"fitness":79.453125,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(23,2,3,1795528545044562,NULL,8.0,79.7265625,'{"verdict":"continue","reason":{"code":"passed","epoch":8.0,"value":79.7265625,"threshold":null},"prediction":{"fitness":79.7265625,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(24,2,4,1795528545045365,'running',NULL,NULL,NULL);
INSERT INTO events VALUES(25,2,4,1795528545046567,NULL,1.0,40.0,'{"verdict":"continue","reason":{"code":"passed","epoch":1.0,"value":40.0,"threshold":null},"prediction":{"fitness":40.0,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(26,2,4,1795528545047400,NULL,2.0,55.0,'{"verdict":"continue","reason":{"code":"passed","epoch":2.0,"value":55.0,"threshold":null},"prediction":{"fitness":55.0,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(27,2,4,1795528545048362,NULL,3.0,62.5,'{"verdict":"continue","reason":{"code":"passed","epoch":3.0,"value":62.5,"threshold":null},"prediction":{"fitness":62.5,"interval":null,"curve":null},"stale":false}');
INSERT INTO events VALUES(28,2,3,1795528545049215,'succeeded',NULL,NULL,NULL);
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
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('events',28);
CREATE UNIQUE INDEX events_of_trial ON events (trial, epoch) WHERE epoch IS NOT NULL;
CREATE INDEX events_of_experiment ON events (experiment, seq);
COMMIT;
