-- What past boards tell of the future: which models were listed when, who arrived near the top, who led. An append-only log;
-- a restart replays it. Listing and delisting of every model, arrivals with their gap to the leader before.
CREATE TABLE board_history (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('listed', 'delisted', 'arrived', 'led')),
    model_name TEXT NOT NULL,
    organization TEXT,
    -- Rating points; arrivals only.
    gap REAL,
    CHECK ((event = 'arrived') = (gap IS NOT NULL))
) STRICT;

-- Names of models and organisations in forecasts, by number: each is written some thousand times a day.
CREATE TABLE forecast_names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What every estimator said of every check, on each new board and hourly: to be scored when the check is past. Never pruned.
CREATE TABLE forecasts (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    check_time INTEGER NOT NULL,
    rule_set TEXT NOT NULL,
    board BLOB NOT NULL CHECK (length(board) = 32),
    estimator TEXT NOT NULL,
    -- JSON lists, the most probable first: [model, organisation or null, probability] and [organisation, probability], by the
    -- numbers of their names. Less than one in two thousand is not listed; such models are summed up in `rest`.
    models TEXT NOT NULL,
    rest REAL NOT NULL,
    organizations TEXT NOT NULL,
    other REAL NOT NULL,
    unlisted REAL NOT NULL,
    -- JSON, where the estimator can say.
    drivers TEXT
) STRICT;
CREATE INDEX forecasts_by_check ON forecasts (check_time, at);

-- Prices that contradicted each other: shown, not traded.
CREATE TABLE coherence (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    event TEXT NOT NULL,
    organization TEXT,
    sets INTEGER NOT NULL CHECK (sets >= 0),
    gross REAL NOT NULL,
    net REAL NOT NULL,
    capital INTEGER NOT NULL
) STRICT;

-- What would have been entered had nothing forbidden it.
ALTER TABLE decisions ADD COLUMN wanted_side TEXT;
ALTER TABLE decisions ADD COLUMN wanted_contracts INTEGER;
ALTER TABLE decisions ADD COLUMN wanted_limit INTEGER;
ALTER TABLE decisions ADD COLUMN wanted_cost INTEGER;
ALTER TABLE decisions ADD COLUMN wanted_fees INTEGER;
