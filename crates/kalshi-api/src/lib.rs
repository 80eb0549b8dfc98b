//! Signed REST client of the exchange: wire to domain and back.
