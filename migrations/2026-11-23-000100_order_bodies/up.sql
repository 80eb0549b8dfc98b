-- The exact body that was sent, or would have been; NULL for orders stored before bodies were.
ALTER TABLE orders ADD COLUMN body TEXT;
-- What the exchange answered, status and body as received, where an answer caused the step.
ALTER TABLE order_events ADD COLUMN answer TEXT;
