DROP INDEX commands_unsettled;
ALTER TABLE commands DROP COLUMN report;
ALTER TABLE commands DROP COLUMN finding;
ALTER TABLE commands DROP COLUMN settled_at;
ALTER TABLE commands DROP COLUMN settled_stage;
