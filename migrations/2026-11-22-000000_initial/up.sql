-- Money is integers: dollars in millionths, prices in ten-thousandths of a dollar, contracts in hundredths.
-- Times are microseconds since 1970-01-01T00:00:00Z. Words are those of the domain's serialised enums.

-- Whose database this is; exactly one row.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    database_id TEXT NOT NULL CHECK (database_id <> ''),
    mode TEXT NOT NULL CHECK (mode IN ('paper', 'live')),
    -- Live databases belong to one environment and one account; paper ones to none.
    environment TEXT,
    account TEXT,
    created_at INTEGER NOT NULL,
    opening_cash INTEGER,
    CHECK ((mode = 'live') = (environment IS NOT NULL)),
    CHECK ((mode = 'live') = (account IS NOT NULL))
) STRICT;

CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 1),
    ticker TEXT NOT NULL,
    event TEXT NOT NULL,
    series TEXT NOT NULL,
    claim TEXT NOT NULL,
    side TEXT NOT NULL,
    contracts INTEGER NOT NULL CHECK (contracts >= 0),
    limit_price INTEGER NOT NULL CHECK (limit_price BETWEEN 0 AND 10000),
    time_in_force TEXT NOT NULL,
    expires_at INTEGER,
    purpose TEXT NOT NULL,
    fee_type TEXT NOT NULL,
    fee_multiplier INTEGER NOT NULL,
    check_time INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    rationale TEXT NOT NULL,
    reduce_only INTEGER NOT NULL CHECK (reduce_only IN (0, 1)),
    state TEXT NOT NULL,
    filled INTEGER NOT NULL CHECK (filled >= 0),
    venue_order_id TEXT UNIQUE,
    reject_reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The exact request: what a resend repeats.
    request TEXT NOT NULL,
    UNIQUE (ticker, generation)
) STRICT;
CREATE INDEX orders_unfinished ON orders (ticker)
    WHERE state NOT IN ('filled', 'canceled', 'rejected', 'expired', 'abandoned');

CREATE TABLE order_events (
    id INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    filled INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX order_events_by_order ON order_events (client_order_id);

-- The id is the order of booking. Fills of orders that are not ours have no client_order_id.
CREATE TABLE fills (
    id INTEGER PRIMARY KEY,
    fill_id TEXT NOT NULL UNIQUE,
    venue_order_id TEXT NOT NULL,
    client_order_id TEXT,
    ticker TEXT NOT NULL,
    side TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 10000),
    contracts INTEGER NOT NULL CHECK (contracts >= 0),
    fee INTEGER NOT NULL,
    liquidity TEXT NOT NULL,
    filled_at INTEGER NOT NULL
) STRICT;
CREATE INDEX fills_by_ticker ON fills (ticker);

-- An amended settlement is another row of the same market.
CREATE TABLE settlements (
    id INTEGER PRIMARY KEY,
    ticker TEXT NOT NULL,
    yes_value INTEGER NOT NULL CHECK (yes_value BETWEEN 0 AND 10000),
    fee INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    UNIQUE (ticker, yes_value, fee, settled_at)
) STRICT;

-- One row per content hash: the entries, column by column, as compressed JSON.
CREATE TABLE boards (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    entries INTEGER NOT NULL,
    compressed BLOB NOT NULL
) STRICT;

-- What the gate said of a page, once for all readings that showed the same.
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    verdict TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;

CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    fetched_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    latency INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    page INTEGER REFERENCES pages (id),
    unchanged INTEGER CHECK (unchanged IN (0, 1)),
    failure TEXT,
    detail TEXT,
    CHECK ((page IS NULL) = (unchanged IS NULL)),
    CHECK ((page IS NULL) = (failure IS NOT NULL)),
    CHECK ((failure IS NULL) = (detail IS NULL))
) STRICT;
CREATE INDEX readings_by_time ON readings (fetched_at);
CREATE INDEX readings_by_page ON readings (page);

CREATE TABLE accepted_boards (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL REFERENCES boards (hash),
    vintage INTEGER NOT NULL,
    path TEXT NOT NULL,
    accepted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE signals (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    board BLOB NOT NULL CHECK (length(board) = 32),
    urgency TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX signals_by_kind ON signals (kind);

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    fair REAL,
    market REAL,
    pooled REAL,
    edge REAL,
    target INTEGER,
    position INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('hold', 'enter', 'exit')),
    side TEXT,
    contracts INTEGER,
    limit_price INTEGER,
    reason TEXT,
    next_reason TEXT,
    baselines TEXT NOT NULL,
    CHECK ((action = 'hold') = (side IS NULL)),
    CHECK ((action = 'hold') = (contracts IS NULL)),
    CHECK ((action = 'hold') = (limit_price IS NULL))
) STRICT;
CREATE INDEX decisions_by_ticker ON decisions (ticker, id);

CREATE TABLE refusals (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE risk_events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    raised INTEGER NOT NULL CHECK (raised IN (0, 1)),
    detail TEXT NOT NULL
) STRICT;

-- The causes that stand now: a restart takes them up again.
CREATE TABLE risk_causes (
    cause TEXT PRIMARY KEY NOT NULL,
    raised_at INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE system_events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

-- Requests of operators in other processes to the running one.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    submitted_at INTEGER NOT NULL,
    submitted_by TEXT NOT NULL,
    command TEXT NOT NULL,
    acknowledged_at INTEGER,
    outcome TEXT,
    CHECK ((acknowledged_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX commands_pending ON commands (id) WHERE acknowledged_at IS NULL;
