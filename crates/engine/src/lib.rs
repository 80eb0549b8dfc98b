//! The pure core: one event in, effects out, every step in a hash chain.
