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
    /// How long after an order was decided its stored body may be sent again. The venue is assumed to remember ids for
    /// at least that long (it documents that they are spent for ever); a listing must lack the order all the same.
    pub resend_window: TimeDelta,
    /// How often the stored body of one order may be sent again.
    pub resends: u32,
    /// How long nothing is placed after a cancel of the whole account: the exchange may cancel what is placed within a
    /// minute of it.
    pub silence: TimeDelta,
    /// How often a reconciliation waits for orders that are being submitted before it fails.
    pub submission_waits: u32,
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
            resend_window: TimeDelta::minutes(3),
            resends: 1,
            silence: TimeDelta::seconds(90),
            submission_waits: 60,
            reconcile_tries: 8,
        }
    }
}
