DROP INDEX decisions_forgone;
DROP TABLE outcomes;
