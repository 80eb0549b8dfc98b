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
    /// When the leaderboard is checked and trading ends.
    pub check: DateTime<Utc>,
    /// Whether its prices move in tenths of a cent.
    pub fine_grid: bool,
}

/// Every contract of the script.
#[derive(Debug, Clone, Default)]
pub struct ContractSet {
    /// The contracts, by check and series.
    pub contracts: Vec<ListedContract>,
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

fn words(date: NaiveDate) -> String {
    date.format("%b %-d, %Y").to_string()
}

impl ContractSet {
    /// Lists both series for one check: the first models of the field, and their labs.
    pub(super) fn list(&mut self, date: NaiveDate, models: &[SiteModel], fine_grid: bool) -> Option<()> {
        let check = check_time(date)?;
        let day = ticker_date(date)?;
        let mut taken = BTreeSet::new();
        for model in models {
            let rules = format!(
                "If {} is the top-ranked AI model on {} at 10:00 AM ET, then the market resolves to Yes.",
                model.name,
                words(date)
            );
            let claim = PublicClaim::Model(model.name.clone());
            self.push(
                "KXTOPMODEL",
                &day,
                &suffix(&model.name, &mut taken),
                claim,
                &model.name,
                rules,
                check,
                fine_grid,
            )?;
        }
        taken.clear();
        let mut labs = BTreeSet::new();
        for model in models
            .iter()
            .filter(|model| labs.insert(model.organization.clone()))
        {
            let lab = model.organization.as_str();
            let brand = LABS
                .iter()
                .find(|(name, _)| *name == lab)
                .map_or(lab, |(_, brand)| *brand);
            let rules = format!(
                "If {lab} has the top-ranked LLM on {} at 10:00 AM ET, then the market resolves to Yes.",
                words(date)
            );
            let claim = PublicClaim::Lab(lab.to_owned());
            self.push(
                "KXLLM1",
                &day,
                &suffix(lab, &mut taken),
                claim,
                brand,
                rules,
                check,
                fine_grid,
            )?;
        }
        Some(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one contract's terms, listed in one place"
    )]
    fn push(
        &mut self,
        series: &str,
        day: &str,
        suffix: &str,
        claim: PublicClaim,
        label: &str,
        rules_primary: String,
        check: DateTime<Utc>,
        fine_grid: bool,
    ) -> Option<()> {
        self.contracts.push(ListedContract {
            ticker: format!("{series}-{day}-{suffix}").parse().ok()?,
            event: format!("{series}-{day}").parse().ok()?,
            series: series.parse().ok()?,
            claim,
            label: label.to_owned(),
            rules_primary,
            check,
            fine_grid,
        });
        Some(())
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
