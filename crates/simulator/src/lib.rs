//! A stand-in exchange and leaderboard site, built from the specification.
