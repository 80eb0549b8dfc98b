ALTER TABLE decisions DROP COLUMN wanted_fees;
ALTER TABLE decisions DROP COLUMN wanted_cost;
ALTER TABLE decisions DROP COLUMN wanted_limit;
ALTER TABLE decisions DROP COLUMN wanted_contracts;
ALTER TABLE decisions DROP COLUMN wanted_side;
DROP TABLE coherence;
DROP TABLE forecasts;
DROP TABLE forecast_names;
DROP TABLE board_history;
