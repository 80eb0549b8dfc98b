-- What reading back from the exchange said of an acknowledged command: confirmed, or impossible and why.
ALTER TABLE commands ADD COLUMN settled_stage TEXT CHECK (settled_stage IN ('confirmed', 'impossible'));
ALTER TABLE commands ADD COLUMN settled_at INTEGER CHECK ((settled_at IS NULL) = (settled_stage IS NULL));
ALTER TABLE commands ADD COLUMN finding TEXT CHECK ((finding IS NULL) = (settled_stage IS NULL));
-- What a command that asks for a report brought, as JSON.
ALTER TABLE commands ADD COLUMN report TEXT;
CREATE INDEX commands_unsettled ON commands (id) WHERE settled_stage IS NULL;
