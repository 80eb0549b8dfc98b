-- What each contract was last known to pay on, and whether it might be entered: what a second process needs to say what the
-- portfolio pays in each state of the world. One row for each contract ever listed.
CREATE TABLE contracts (
    ticker TEXT PRIMARY KEY NOT NULL,
    mapped_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- JSON; unknown when the board does not tell.
    claim TEXT,
    rule_set TEXT,
    check_time INTEGER,
    -- JSON lists.
    reasons TEXT NOT NULL,
    suggestions TEXT NOT NULL
) STRICT;
