ALTER TABLE order_events DROP COLUMN answer;
ALTER TABLE orders DROP COLUMN body;
