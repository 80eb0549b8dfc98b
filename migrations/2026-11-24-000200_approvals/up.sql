-- What people decided about names and texts: who, when, and the words it was decided on. A log that is only ever added to;
-- replayed in order it says what is approved now.
CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    -- mapping, mapping_rejected, rules or rules_revoked.
    kind TEXT NOT NULL,
    -- Of decisions about a contract: the contract, the model or company that the exchange names, and the board's name.
    ticker TEXT,
    subject TEXT,
    name TEXT,
    -- The contract's words then: custom_strike.Model and rules_primary.
    strike_model TEXT,
    rules_primary TEXT,
    -- Of decisions about a tie-break text: the series, the text, and what it means.
    series TEXT,
    text TEXT,
    rule_set TEXT
) STRICT;
CREATE INDEX approvals_by_ticker ON approvals (ticker);
CREATE TRIGGER approvals_are_not_changed BEFORE UPDATE ON approvals
BEGIN
    SELECT RAISE(ABORT, 'approvals are only added to');
END;
CREATE TRIGGER approvals_are_not_removed BEFORE DELETE ON approvals
BEGIN
    SELECT RAISE(ABORT, 'approvals are only added to');
END;

-- What each contract said when it was first seen: what a later change is known by.
CREATE TABLE contract_terms (
    ticker TEXT PRIMARY KEY NOT NULL,
    seen_at INTEGER NOT NULL,
    strike_model TEXT,
    rules_primary TEXT NOT NULL
) STRICT;
