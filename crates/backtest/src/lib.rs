//! Runs the same core over recorded and simulated history.
