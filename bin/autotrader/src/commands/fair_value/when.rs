//! Times as a person writes them: a moment, or a day.
//!
//! Checks are at 10:00 in New York, so that is what a day stands for. Days are counted as days: between two of them lie as
//! many times 24 hours as the calendar says, whatever the clocks did in between.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::America::New_York;

use crate::Failure;

/// A moment or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A moment, with the day on which it is where it was written.
    At(DateTime<Utc>, NaiveDate),
    /// A day.
    On(NaiveDate),
}

/// From when and until when is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Now.
    pub(crate) at: DateTime<Utc>,
    /// The day that `at` is on: others are counted from it.
    pub(crate) today: NaiveDate,
    /// The check.
    pub(crate) close: DateTime<Utc>,
}

impl When {
    /// Reads a moment such as `2026-12-04T15:00:00Z`, or a day such as `2026-12-04`.
    ///
    /// # Errors
    /// [`Failure`] with exit code 2 that names `place` and shows both ways to write it.
    pub(crate) fn read(place: &str, text: &str) -> Result<Self, Failure> {
        let moment = DateTime::parse_from_rfc3339(text)
            .map(|moment| Self::At(moment.with_timezone(&Utc), moment.date_naive()));
        let when = moment.or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::On));
        // Times are subtracted from one another, so none may be out of the calendar's reach.
        when.ok()
            .filter(|when| (1970..=2999).contains(&when.day().year()))
            .ok_or_else(|| {
                Failure::usage(format!(
                    "{place}: `{text}` is not a time such as 2026-12-04T15:00:00Z or a day such as 2026-12-04."
                ))
            })
    }

    /// This moment.
    pub(crate) fn now(moment: DateTime<Utc>) -> Self {
        Self::At(moment, moment.date_naive())
    }

    fn day(self) -> NaiveDate {
        match self {
            Self::At(_, day) | Self::On(day) => day,
        }
    }

    fn moment(self) -> DateTime<Utc> {
        match self {
            Self::At(moment, _) => moment,
            Self::On(day) => ten_in_new_york(day),
        }
    }
}

impl Span {
    /// From `at` to `close`; two days lie whole days apart.
    pub(crate) fn new(at: When, close: When) -> Self {
        let end = close.moment();
        let start = match (at, close) {
            (When::On(first), When::On(last)) => end - last.signed_duration_since(first),
            _ => at.moment(),
        };
        Self {
            at: start,
            today: at.day(),
            close: end,
        }
    }

    /// Another time, a day counted as whole days from `at`.
    pub(crate) fn place(&self, when: When) -> DateTime<Utc> {
        match when {
            When::At(moment, _) => moment,
            When::On(day) => self.at - self.today.signed_duration_since(day),
        }
    }

    /// Days from `at` to the check, negative when it is past.
    pub(crate) fn days(&self) -> f64 {
        in_days(self.close.signed_duration_since(self.at))
    }
}

/// A stretch of time in days.
pub(crate) fn in_days(time: TimeDelta) -> f64 {
    time.as_seconds_f64() / 86_400.0
}

/// 10:00 in New York; no change of clocks is near it.
fn ten_in_new_york(day: NaiveDate) -> DateTime<Utc> {
    let ten = day.and_time(NaiveTime::MIN) + TimeDelta::hours(10);
    New_York
        .from_local_datetime(&ten)
        .earliest()
        .map_or_else(|| ten.and_utc(), |moment| moment.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> When {
        When::read("--at", text).unwrap()
    }

    #[rstest]
    #[case::moments("2026-08-21T14:00:00Z", "2026-08-28T14:00:00Z", 7.0)]
    #[case::fraction("2026-08-21T14:00:00Z", "2026-08-22T02:00:00Z", 0.5)]
    #[case::offset("2026-08-21T10:00:00-04:00", "2026-08-28", 7.0)]
    #[case::days("2026-08-21", "2026-08-28", 7.0)]
    #[case::days_over_the_change_of_clocks("2026-10-30", "2026-11-06", 7.0)]
    #[case::moment_to_a_day_over_it("2026-10-30T14:00:00Z", "2026-11-06", 7.0 + 1.0 / 24.0)]
    #[case::past("2026-08-21", "2026-08-20", -1.0)]
    fn the_horizon_in_days(#[case] at: &str, #[case] close: &str, #[case] days: f64) {
        let span = Span::new(read(at), read(close));
        assert!((span.days() - days).abs() < 1e-12, "{span:?}");
    }

    #[rstest]
    #[case("2026-08-28", "2026-08-28T14:00:00+00:00")]
    #[case("2026-12-04", "2026-12-04T15:00:00+00:00")]
    fn a_check_on_a_day_is_at_ten_in_new_york(#[case] day: &str, #[case] moment: &str) {
        let span = Span::new(read("2026-08-01T00:00:00Z"), read(day));
        assert_eq!(span.close.to_rfc3339(), moment);
    }

    #[rstest]
    #[case("2026-08-21T00:00:00Z", "2026-08-15", 6.0)]
    #[case("2026-11-06", "2026-10-30", 7.0)]
    #[case("2026-08-21", "2026-08-21", 0.0)]
    #[case("2026-08-21", "2026-08-22", -1.0)]
    #[case("2026-08-21T00:00:00Z", "2026-08-20T12:00:00Z", 0.5)]
    fn other_days_count_from_today(#[case] at: &str, #[case] other: &str, #[case] age: f64) {
        let span = Span::new(read(at), read("2026-12-31"));
        let past = span.at.signed_duration_since(span.place(read(other)));
        assert!((in_days(past) - age).abs() < 1e-12, "{past}");
    }

    #[rstest]
    #[case("tomorrow")]
    #[case("2026-13-01")]
    #[case("2026-08-21T14:00:00")]
    #[case("")]
    #[case("12026-08-21")]
    #[case("0001-01-01")]
    fn what_is_neither_is_told_in_one_sentence(#[case] text: &str) {
        let failure = When::read("--close", text).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.starts_with("--close: `"), "{failure}");
    }
}
