//! Fetches the leaderboard page, parses and gates it, keeps vintages and diffs boards into signals.
