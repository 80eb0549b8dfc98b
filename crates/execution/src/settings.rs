//! How patient execution is.

use std::time::Duration;

use chrono::TimeDelta;

/// Margins and numbers of tries; the defaults follow the venue's documented behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSettings {
    /// What every id minted by this program starts with, whatever its database.
    pub id_prefix: String,
    /// How often fills are read again after the venue said there are some.
    pub fill_tries: u32,
    /// How long to wait between such reads; single reads were seen to lag by more than 0.3 s.
    pub fill_pause: Duration,
    /// How far back each read of fills and settlements overlaps the one before it: read lag and clock skew.
    pub overlap: TimeDelta,
    /// How much later than the send a listing's own time must be before absence in it counts.
    pub absence_margin: TimeDelta,
    /// How many such listings, each later than the one before, must lack an order before it is given up.
    pub absence_listings: u32,
    /// How often a reconciliation reads again before it calls a difference real.
    pub reconcile_tries: u32,
}

impl Default for ExecutionSettings {
    fn default() -> Self {
        Self {
            id_prefix: "kat1-".to_owned(),
            fill_tries: 4,
            fill_pause: Duration::from_millis(250),
            overlap: TimeDelta::minutes(10),
            absence_margin: TimeDelta::seconds(30),
            absence_listings: 2,
            reconcile_tries: 3,
        }
    }
}
