-- The equity from time to time, and what losses are counted from: a restart must not forget a bad day.
CREATE TABLE equity_marks (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    -- The New York date, as YYYY-MM-DD.
    day TEXT NOT NULL,
    equity INTEGER NOT NULL,
    day_open INTEGER NOT NULL,
    peak INTEGER NOT NULL
) STRICT;
CREATE INDEX equity_marks_by_day ON equity_marks (day);
