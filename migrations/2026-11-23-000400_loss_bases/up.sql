-- The equity from which a loss counts since an operator released its cause, in micro-dollars.
CREATE TABLE loss_bases (
    cause TEXT PRIMARY KEY NOT NULL,
    equity INTEGER NOT NULL,
    released_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
