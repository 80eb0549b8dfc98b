//! One contract's probabilities against what its market paid.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{Claim, Decided, Price, Why};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{FLOOR, Level, Span};
use crate::calibration::{Blocks, Interval};
use crate::counterfactual::last_word;

/// Independent events that the gate needs before it says anything. Source: the study.
pub const EVENTS_NEEDED: usize = 40;

/// The pooled probability may be worse than the market by less than this in log loss, at the upper end of the interval.
/// Source: the study.
pub const TOLERANCE: f64 = 0.01;

/// Everything on record about one contract.
#[derive(Debug, Clone, Copy)]
pub struct Contract<'a> {
    /// What it pays on.
    pub claim: &'a Claim,
    /// When the leaderboard is checked.
    pub check_time: DateTime<Utc>,
    /// Lines of the why-ledger, oldest first.
    pub lines: &'a [Why],
    /// Words on what it pays, oldest first.
    pub decided: &'a [Decided],
}

/// Why a contract is not scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Its market has not paid yet.
    Unsettled,
    /// It paid something between nothing and a dollar.
    Scalar,
    /// No line before the check has a fair value, a pooled one and a price of the market.
    NothingComparable,
}

/// Companies' contracts of one check share their fate.
type Event = (DateTime<Utc>, String);

/// What was said of a contract within one span of days before its check, and what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Models or companies.
    pub level: Level,
    /// How long before the check.
    pub span: Span,
    /// The event it belongs to.
    pub event: Event,
    /// Whether YES paid.
    pub came: bool,
    /// The probability of YES by who said it: `fair`, `pooled`, `market` and the baselines by name.
    pub p: BTreeMap<String, f64>,
}

impl Contract<'_> {
    /// What was said of it: the first comparable line within each span.
    ///
    /// # Errors
    /// [`LeftOut`] when nothing of it can be scored.
    pub fn said(&self) -> Result<Vec<Said>, LeftOut> {
        let paid = last_word(self.decided).filter(|word| word.paid);
        let came = match paid.ok_or(LeftOut::Unsettled)?.yes_value {
            Price::ONE => true,
            Price::ZERO => false,
            _ => return Err(LeftOut::Scalar),
        };
        let mut first: BTreeMap<Span, Said> = BTreeMap::new();
        for line in self.lines {
            let Some(span) = Span::of(line.at, self.check_time) else {
                continue;
            };
            if let Some(p) = probabilities(line) {
                first.entry(span).or_insert_with(|| self.row(span, came, p));
            }
        }
        if first.is_empty() {
            return Err(LeftOut::NothingComparable);
        }
        Ok(first.into_values().collect())
    }

    fn row(&self, span: Span, came: bool, p: BTreeMap<String, f64>) -> Said {
        let lab = self.claim.organization().unwrap_or(self.claim.name());
        Said {
            level: match self.claim {
                Claim::Model { .. } => Level::Model,
                Claim::Organization { .. } => Level::Organization,
            },
            span,
            event: (self.check_time, lab.to_owned()),
            came,
            p,
        }
    }
}

/// What a line says; `None` when something that is compared is missing.
fn probabilities(line: &Why) -> Option<BTreeMap<String, f64>> {
    let own = [
        ("fair", line.fair?),
        ("pooled", line.pooled?),
        ("market", line.market?),
    ];
    let mut p: BTreeMap<String, f64> = line.baselines.clone();
    p.extend(own.map(|(name, p)| (name.to_owned(), p)));
    Some(p)
}

fn log_loss(p: f64, came: bool) -> f64 {
    let of_what_came = if came { p } else { 1.0 - p };
    -of_what_came.max(FLOOR).ln()
}

fn brier(p: f64, came: bool) -> f64 {
    (p - f64::from(u8::from(came))).powi(2)
}

/// Whether what was traded on is as good as the market's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few independent events to say.
    NotEnoughData,
    /// It is not worse, within the tolerance.
    Passed,
    /// It may be worse.
    Failed,
}

/// The gate between paper and live: log loss of the pooled probability less that of the market.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// The verdict.
    pub verdict: Verdict,
    /// Independent events: checks times companies.
    pub events: usize,
    /// How many it needs.
    pub events_needed: usize,
    /// What the upper end of the difference must stay below.
    pub tolerance: f64,
    /// The difference with its interval; `None` without rows.
    pub difference: Option<Interval>,
}

/// The scores of contracts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractReport {
    /// Rows: contracts times spans.
    pub rows: usize,
    /// Independent events: checks times companies.
    pub events: usize,
    /// Contracts that are not scored, by why.
    pub left_out: BTreeMap<LeftOut, usize>,
    /// Who is scored: all that spoke on every row.
    pub estimators: Vec<String>,
    /// By days before the check: `n_<level>` and `<estimator>_<level>_<log_loss|brier>`.
    pub horizons: BTreeMap<Span, BTreeMap<String, f64>>,
    /// Paired differences in log loss over all spans, `<estimator>-<other>_<level>`, with the intervals of redrawn events.
    pub differences: BTreeMap<String, Interval>,
    /// Whether what was traded on is as good as the market's price.
    pub gate: Gate,
}

/// Draws up the scores of contracts.
#[must_use]
pub fn report(said: &[Said], left_out: BTreeMap<LeftOut, usize>) -> ContractReport {
    let estimators = spoke_everywhere(said);
    let events: BTreeSet<&Event> = said.iter().map(|row| &row.event).collect();
    let mut horizons: BTreeMap<Span, BTreeMap<String, f64>> = BTreeMap::new();
    for span in Span::all() {
        for level in Level::ALL {
            let rows: Vec<&Said> = said
                .iter()
                .filter(|row| row.span == span && row.level == level)
                .collect();
            if !rows.is_empty() {
                let figures = horizons.entry(span).or_default();
                figures.insert(format!("n_{}", level.word()), rows.len() as f64);
                figures.extend(estimators.iter().flat_map(|name| scores(&rows, name, level)));
            }
        }
    }
    ContractReport {
        rows: said.len(),
        events: events.len(),
        left_out,
        horizons,
        differences: differences(said, &estimators),
        gate: gate(said, events.len()),
        estimators,
    }
}

fn spoke_everywhere(said: &[Said]) -> Vec<String> {
    let mut rows = said.iter();
    let Some(first) = rows.next() else {
        return Vec::new();
    };
    let everywhere = |name: &&String| said.iter().all(|row| row.p.contains_key(*name));
    first.p.keys().filter(everywhere).cloned().collect()
}

fn scores(rows: &[&Said], name: &str, level: Level) -> [(String, f64); 2] {
    let mean = |score: fn(f64, bool) -> f64| {
        let scored = rows
            .iter()
            .filter_map(|row| Some(score(*row.p.get(name)?, row.came)));
        scored.sum::<f64>() / rows.len() as f64
    };
    let key = |measure: &str| format!("{name}_{}_{measure}", level.word());
    [(key("log_loss"), mean(log_loss)), (key("brier"), mean(brier))]
}

/// The mean difference in log loss between two who spoke, over redrawn events.
fn difference<'a>(rows: impl Iterator<Item = &'a Said>, one: &str, other: &str) -> Option<Interval> {
    let values = rows.filter_map(|row| {
        let loss = |name: &str| Some(log_loss(*row.p.get(name)?, row.came));
        Some((row.event.clone(), loss(one)? - loss(other)?))
    });
    let blocks = Blocks::by_group(values);
    (blocks.len() > 0).then(|| blocks.interval())
}

fn differences(said: &[Said], estimators: &[String]) -> BTreeMap<String, Interval> {
    let mut found = BTreeMap::new();
    for one in ["pooled", "fair"] {
        for other in estimators
            .iter()
            .filter(|other| !["pooled", "fair"].contains(&other.as_str()))
        {
            for level in Level::ALL {
                let rows = said.iter().filter(|row| row.level == level);
                if let Some(interval) = difference(rows, one, other) {
                    found.insert(format!("{one}-{other}_{}", level.word()), interval);
                }
            }
        }
    }
    found
}

fn gate(said: &[Said], events: usize) -> Gate {
    let difference = difference(said.iter(), "pooled", "market");
    let verdict = match difference {
        Some(difference) if events >= EVENTS_NEEDED => {
            if difference.mean <= 0.0 && difference.high < TOLERANCE {
                Verdict::Passed
            } else {
                Verdict::Failed
            }
        }
        _ => Verdict::NotEnoughData,
    };
    Gate {
        verdict,
        events,
        events_needed: EVENTS_NEEDED,
        tolerance: TOLERANCE,
        difference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{Action, Net};
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn check() -> DateTime<Utc> {
        "2026-12-04T15:00:00Z".parse().unwrap()
    }

    fn model() -> Claim {
        Claim::Model {
            model_name: "aurora-6".into(),
            organization: Some("Northwind".into()),
        }
    }

    fn line(hours: i64, fair: f64, pooled: f64, market: Option<f64>) -> Why {
        Why {
            ticker: "KXTOPMODEL-26DEC04-AUR6".parse().unwrap(),
            at: check() - TimeDelta::hours(hours),
            fair: Some(fair),
            market,
            pooled: Some(pooled),
            edge: None,
            target: None,
            position: Net::ZERO,
            action: Action::Hold,
            reason: None,
            next_reason: None,
            baselines: BTreeMap::from([("persistence".to_owned(), 0.9)]),
            wanted: None,
        }
    }

    fn word(yes_value: &str, paid: bool) -> Decided {
        Decided {
            ticker: "KXTOPMODEL-26DEC04-AUR6".parse().unwrap(),
            at: check(),
            yes_value: yes_value.parse().unwrap(),
            paid,
        }
    }

    fn said(lines: &[Why], decided: &[Decided]) -> Result<Vec<Said>, LeftOut> {
        let contract = Contract {
            claim: &model(),
            check_time: check(),
            lines,
            decided,
        };
        contract.said()
    }

    #[test]
    fn the_first_comparable_line_of_each_span_counts() {
        let lines = [
            line(100, 0.5, 0.5, None),
            line(99, 0.6, 0.55, Some(0.5)),
            line(98, 0.9, 0.9, Some(0.9)),
            line(20, 0.8, 0.7, Some(0.6)),
            line(-1, 1.0, 1.0, Some(1.0)),
        ];
        let rows = said(&lines, &[word("1.0000", true)]).unwrap();
        let told: Vec<(&str, f64, f64)> = rows
            .iter()
            .map(|row| (row.span.name(), row.p["fair"], row.p["market"]))
            .collect();
        assert_eq!(told, [("0-1", 0.8, 0.6), ("3-7", 0.6, 0.5)]);
        assert!(rows.iter().all(|row| row.came && row.event.1 == "Northwind"));
    }

    #[test]
    fn what_cannot_be_scored_is_left_out_with_its_reason() {
        let lines = [line(20, 0.8, 0.7, Some(0.6))];
        assert_eq!(said(&lines, &[]), Err(LeftOut::Unsettled));
        assert_eq!(said(&lines, &[word("1.0000", false)]), Err(LeftOut::Unsettled));
        assert_eq!(said(&lines, &[word("0.4200", true)]), Err(LeftOut::Scalar));
        assert_eq!(
            said(&[line(20, 0.8, 0.7, None)], &[word("1.0000", true)]),
            Err(LeftOut::NothingComparable)
        );
    }

    #[test]
    fn an_amended_payout_replaces_the_one_before() {
        let lines = [line(20, 0.8, 0.7, Some(0.6))];
        let rows = said(&lines, &[word("1.0000", true), word("0.0000", true)]).unwrap();
        assert!(!rows[0].came);
        // Paid and then disputed: nothing is known until it is paid again. A late word of the same value disputes nothing.
        let disputed = said(&lines, &[word("1.0000", true), word("0.0000", false)]);
        assert_eq!(disputed, Err(LeftOut::Unsettled));
        let rows = said(&lines, &[word("1.0000", true), word("1.0000", false)]).unwrap();
        assert!(rows[0].came);
    }

    #[test]
    fn scores_followed_by_hand() {
        let rows = said(&[line(20, 0.8, 0.5, Some(0.25))], &[word("1.0000", true)]).unwrap();
        let report = report(&rows, BTreeMap::new());
        let day = &report.horizons[&Span::of(check() - TimeDelta::hours(20), check()).unwrap()];
        assert!((day["fair_model_log_loss"] + 0.8f64.ln()).abs() < 1e-12);
        assert!((day["market_model_log_loss"] - 4f64.ln()).abs() < 1e-12);
        assert!((day["market_model_brier"] - 0.5625).abs() < 1e-12);
        assert!((day["n_model"] - 1.0).abs() < 1e-12);
        let gain = report.differences["pooled-market_model"];
        assert!((gain.mean + 2f64.ln()).abs() < 1e-12);
        assert_eq!(report.gate.verdict, Verdict::NotEnoughData);
        assert_eq!(report.estimators, ["fair", "market", "persistence", "pooled"]);
    }

    /// Sixty checks of one lab, YES in three of four; the market always says a half.
    fn many(pooled: f64) -> Vec<Said> {
        (0..60)
            .map(|n| Said {
                level: Level::Model,
                span: Span(0),
                event: (check() + TimeDelta::days(7 * n), "Northwind".into()),
                came: n % 4 != 0,
                p: BTreeMap::from([
                    ("pooled".into(), pooled),
                    ("fair".into(), pooled),
                    ("market".into(), 0.5),
                ]),
            })
            .collect()
    }

    #[test]
    fn the_gate_needs_events_and_then_looks_at_the_upper_end() {
        let verdict = |rows: &[Said]| report(rows, BTreeMap::new()).gate.verdict;
        assert_eq!(verdict(&many(0.75)), Verdict::Passed);
        assert_eq!(verdict(&many(0.25)), Verdict::Failed);
        assert_eq!(verdict(&many(0.97)), Verdict::Failed, "too sure");
        assert_eq!(verdict(&many(0.75)[..39]), Verdict::NotEnoughData);
        let mut twice = many(0.75)[..30].to_vec();
        twice.extend_from_within(..);
        assert_eq!(
            verdict(&twice),
            Verdict::NotEnoughData,
            "rows of one event are one event"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_order_of_rows_changes_nothing(
            rows in prop::collection::vec((0usize..6, 0i64..9, any::<bool>(), 0.0f64..1.0, 0.0f64..1.0), 1..40),
            turn in 0usize..40,
        ) {
            let mut rows: Vec<Said> = rows
                .into_iter()
                .map(|(span, check_day, came, pooled, market)| Said {
                    level: Level::Organization,
                    span: Span(span),
                    event: (check() + TimeDelta::days(check_day), "A".into()),
                    came,
                    p: BTreeMap::from([("pooled".into(), pooled), ("fair".into(), pooled), ("market".into(), market)]),
                })
                .collect();
            let before = report(&rows, BTreeMap::new());
            let middle = turn % rows.len();
            rows.rotate_left(middle);
            let after = report(&rows, BTreeMap::new());
            prop_assert_eq!(before.events, after.events);
            for (key, interval) in &before.differences {
                prop_assert!((interval.mean - after.differences[key].mean).abs() < 1e-9);
                prop_assert!((interval.high - after.differences[key].high).abs() < 1e-9);
            }
        }
    }
}
