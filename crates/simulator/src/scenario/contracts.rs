//! The contracts that are listed on the field.

use std::collections::BTreeSet;

use autotrader_domain::{EventTicker, SeriesTicker, Ticker};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeZone as _, Utc};
use chrono_tz::America::New_York;

use super::field::LABS;
use crate::site::SiteModel;

/// The tie-break text of KXTOPMODEL, as published in September 2026.
pub const TOP_MODEL_TIE_RULE: &str = "If two models are tied under Rank (UB), then the model with the highest Arena Score will win. If two models are still tied after that, then the model with the most votes will win. If two models are still tied after that, the model that was released earlier will win.";

/// The tie-break text of the stand-in's KXLLM1: invented, because no real one is on record.
pub const INVENTED_LLM1_TIE_RULE: &str = "This market is about the company that owns the top-ranked model. If two models are tied under Rank (UB), the model with the highest Arena Score is the top-ranked one, then the one with the most votes, then the one released earlier. (Text of the stand-in exchange.)";

/// What a contract pays on, as the public reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicClaim {
    /// This model.
    Model(String),
    /// A model of this lab.
    Lab(String),
}

/// One contract of the script.
#[derive(Debug, Clone)]
pub struct ListedContract {
    /// Its name.
    pub ticker: Ticker,
    /// Its event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// What it pays on.
    pub claim: PublicClaim,
    /// The label the exchange prints.
    pub label: String,
    /// The rule that names the outcome and the check time.
    pub rules_primary: String,
    /// When it is listed and trading begins.
    pub listed_at: DateTime<Utc>,
    /// When the leaderboard is checked and trading ends.
    pub check: DateTime<Utc>,
    /// Whether its prices move in tenths of a cent.
    pub fine_grid: bool,
}

/// Ten o'clock in New York on a date.
pub(super) fn check_time(date: NaiveDate) -> Option<DateTime<Utc>> {
    let local = date.and_hms_opt(10, 0, 0)?;
    New_York
        .from_local_datetime(&local)
        .single()
        .map(|time| time.with_timezone(&Utc))
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

fn ticker_date(date: NaiveDate) -> Option<String> {
    let month = MONTHS.get(usize::try_from(date.month0()).ok()?)?;
    Some(format!("{:02}{month}{:02}", date.year() % 100, date.day()))
}

/// The contracts of both series for one check: the given models and their labs.
///
/// Nothing when the date has no ten o'clock in New York, which no date lacks.
pub(super) fn list_check<'a>(
    date: NaiveDate,
    models: impl Iterator<Item = &'a SiteModel> + Clone,
    listed_at: DateTime<Utc>,
    fine_grid: bool,
) -> Option<Vec<ListedContract>> {
    let sheet = Sheet {
        check: check_time(date)?,
        day: ticker_date(date)?,
        listed_at,
        fine_grid,
    };
    let on = date
        .format("%b %-d, %Y at 10:00 AM ET, then the market resolves to Yes.")
        .to_string();
    let mut contracts = Vec::new();
    let mut taken = BTreeSet::new();
    for model in models.clone() {
        let name = &*model.name;
        let rules = format!("If {name} is the top-ranked AI model on {on}");
        let ticker_end = suffix(name, &mut taken);
        contracts.push(sheet.contract(
            "KXTOPMODEL",
            &ticker_end,
            PublicClaim::Model(name.to_owned()),
            name,
            rules,
        )?);
    }
    taken.clear();
    let mut labs = BTreeSet::new();
    for lab in models
        .map(|model| &*model.organization)
        .filter(|lab| labs.insert(*lab))
    {
        let brand = LABS
            .iter()
            .find(|(name, _)| *name == lab)
            .map_or(lab, |(_, brand)| *brand);
        let rules = format!("If {lab} has the top-ranked LLM on {on}");
        let ticker_end = suffix(lab, &mut taken);
        contracts.push(sheet.contract(
            "KXLLM1",
            &ticker_end,
            PublicClaim::Lab(lab.to_owned()),
            brand,
            rules,
        )?);
    }
    Some(contracts)
}

/// What the contracts of one check share.
struct Sheet {
    check: DateTime<Utc>,
    day: String,
    listed_at: DateTime<Utc>,
    fine_grid: bool,
}

impl Sheet {
    fn contract(
        &self,
        series: &str,
        suffix: &str,
        claim: PublicClaim,
        label: &str,
        rules_primary: String,
    ) -> Option<ListedContract> {
        let day = &self.day;
        Some(ListedContract {
            ticker: format!("{series}-{day}-{suffix}").parse().ok()?,
            event: format!("{series}-{day}").parse().ok()?,
            series: series.parse().ok()?,
            claim,
            label: label.to_owned(),
            rules_primary,
            listed_at: self.listed_at,
            check: self.check,
            fine_grid: self.fine_grid,
        })
    }
}

/// Four letters of a name, with a number when they are taken.
fn suffix(name: &str, taken: &mut BTreeSet<String>) -> String {
    let letters: String = name
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(4)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let mut candidate = letters.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{letters}{number}");
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_at_ten_in_new_york_in_summer_and_winter() {
        for (date, utc) in [
            ("2026-09-28", "2026-09-28T14:00:00Z"),
            ("2026-11-02", "2026-11-02T15:00:00Z"),
            ("2026-11-01", "2026-11-01T15:00:00Z"),
        ] {
            let check = check_time(date.parse().unwrap()).unwrap();
            assert_eq!(check, utc.parse::<DateTime<Utc>>().unwrap());
        }
    }

    #[test]
    fn tickers_and_rules_read_as_the_exchange_writes_them() {
        let model = |name: &str, lab: &str| SiteModel {
            name: name.into(),
            organization: lab.into(),
            license: "MIT",
            score: 150_000,
            half_width: 400,
            votes: 9_000,
            release_type: None,
            terms: None,
        };
        let models = [
            model("aurora-4-thinking", "Northwind Labs"),
            model("aurora-4", "Northwind Labs"),
            model("spiral-3", "Helix Research"),
        ];
        let listed = list_check(
            "2026-09-28".parse().unwrap(),
            models.iter(),
            DateTime::UNIX_EPOCH,
            false,
        )
        .unwrap();
        let tickers: Vec<_> = listed
            .iter()
            .map(|contract| contract.ticker.to_string())
            .collect();
        assert_eq!(
            tickers,
            [
                "KXTOPMODEL-26SEP28-AURO",
                "KXTOPMODEL-26SEP28-AURO2",
                "KXTOPMODEL-26SEP28-SPIR",
                "KXLLM1-26SEP28-NORT",
                "KXLLM1-26SEP28-HELI",
            ]
        );
        assert_eq!(
            listed[0].rules_primary,
            "If aurora-4-thinking is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        assert_eq!(
            listed[3].rules_primary,
            "If Northwind Labs has the top-ranked LLM on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        assert_eq!(listed[3].label, "Aurora");
    }
}
