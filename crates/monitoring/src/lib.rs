//! Structured logs with stable event names, and alerts off the hot path.
