-- Orders that rest: whether the exchange may let them take, and what an order was expected to earn, in millionths of a
-- dollar. Orders of before took at once, and what they were expected to earn was not kept.
ALTER TABLE orders ADD COLUMN post_only INTEGER NOT NULL DEFAULT 0 CHECK (post_only IN (0, 1));
ALTER TABLE orders ADD COLUMN edge INTEGER NOT NULL DEFAULT 0;
