-- What markets were decided to pay, whoever held them: an entry that was not made is settled by it. A later row of a market is
-- a later word on it: paid after determined, or amended.
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    yes_value INTEGER NOT NULL CHECK (yes_value BETWEEN 0 AND 10000),
    paid INTEGER NOT NULL CHECK (paid IN (0, 1))
) STRICT;
CREATE INDEX outcomes_by_ticker ON outcomes (ticker, id);
CREATE INDEX decisions_forgone ON decisions (ticker, at) WHERE wanted_side IS NOT NULL;
