//! Arguments of `why`.

use autotrader_domain::Ticker;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::America::New_York;
use clap::Args;

use super::ConfigArgs;

/// Arguments of `why`.
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The contract; with `--counterfactual` all of them unless one is named.
    #[arg(required_unless_present = "counterfactual")]
    pub ticker: Option<Ticker>,
    /// What entries that were not made would have brought: by reason what it saved and what it cost.
    #[arg(long)]
    pub counterfactual: bool,
    /// Only entries that were not made since this time, such as 2026-12-04T15:00:00Z, or this day in New York, such as
    /// 2026-12-04.
    #[arg(long, value_name = "TIME", value_parser = parse_since, requires = "counterfactual")]
    pub since: Option<Since>,
}

/// Since when: a time, or the beginning of a day in New York.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since(pub DateTime<Utc>);

/// Reads a time or a day.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn parse_since(text: &str) -> Result<Since, String> {
    let midnight = |day: NaiveDate| {
        let midnight = day.and_time(NaiveTime::MIN).and_local_timezone(New_York);
        // Clocks change at two: there is one midnight to every day.
        midnight.earliest().map(|at| at.with_timezone(&Utc))
    };
    let time = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    let since = time
        .ok()
        .or_else(|| text.parse().ok().and_then(midnight))
        .ok_or_else(|| {
            format!("`{text}` is not a time such as 2026-12-04T15:00:00Z or a day such as 2026-12-04")
        })?;
    Ok(Since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_new_york() {
        for (text, begins) in [
            ("2026-12-04", Some("2026-12-04T05:00:00Z")),
            ("2026-07-04", Some("2026-07-04T04:00:00Z")),
            ("2026-03-08", Some("2026-03-08T05:00:00Z")),
            ("2026-12-04T15:00:00+01:00", Some("2026-12-04T14:00:00Z")),
            ("2026-02-30", None),
            ("yesterday", None),
            ("", None),
        ] {
            let since = begins.map(|time| Since(time.parse().unwrap()));
            assert_eq!(parse_since(text).ok(), since, "{text}");
        }
    }
}
