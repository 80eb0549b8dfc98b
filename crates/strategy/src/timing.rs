//! When entries stop before the check, and when resting orders must be gone.

use chrono::{DateTime, TimeDelta, Utc};

use crate::params::TimingParams;

/// Whether it is too late to enter: the cut-off is moved earlier by the clock skew, so that it holds on either clock.
#[must_use]
pub fn entries_closed(at: DateTime<Utc>, check: DateTime<Utc>, params: &TimingParams) -> bool {
    within(at, check, params.entry_cutoff, params.clock_skew)
}

/// Whether resting orders must be withdrawn by now.
#[must_use]
pub fn cancels_due(at: DateTime<Utc>, check: DateTime<Utc>, params: &TimingParams) -> bool {
    within(at, check, params.cancel_cutoff, params.clock_skew)
}

fn within(at: DateTime<Utc>, check: DateTime<Utc>, cutoff: TimeDelta, skew: TimeDelta) -> bool {
    check.signed_duration_since(at) <= cutoff + skew
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(606, false, false)]
    #[case(605, true, false)]
    #[case(600, true, false)]
    #[case(306, true, false)]
    #[case(305, true, true)]
    #[case(0, true, true)]
    #[case(-60, true, true)]
    fn cut_offs_hold_on_either_clock(
        #[case] seconds_to_check: i64,
        #[case] closed: bool,
        #[case] cancels: bool,
    ) {
        let check = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let at = check - TimeDelta::seconds(seconds_to_check);
        let params = TimingParams::default();
        assert_eq!(entries_closed(at, check, &params), closed);
        assert_eq!(cancels_due(at, check, &params), cancels);
    }
}
