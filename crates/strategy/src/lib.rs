//! Contract mapping, fair value, pooling and sizing: from a board and books to intents and reasons.
