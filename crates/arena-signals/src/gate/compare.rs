//! The page's table beside its payload: both must say the same.

use autotrader_domain::GateReasonCode::{TablePayloadDisagree, Truncated};
use autotrader_settlement::Entry;
use chrono::Utc;
use memchr::memmem;
use std::collections::BTreeMap;

use super::GateSettings;
use crate::parse::Parsed;
use crate::parse::cells::ShownRow;
use crate::parse::findings::{Findings, quoted};
use crate::parse::page_text;
use crate::parse::table::{self, ShownTable};
use crate::parse::table_scan;

/// How far a printed integer may lie from the value: the page rounds the doubles of its payload (exact on 712 captured
/// rows), and a half may go either way.
const ROUNDING: f64 = 0.5 + 1e-6;

/// The same for the two ends of a lopsided interval, each a difference of two rounded values.
const END_ROUNDING: f64 = ROUNDING + 0.011;

/// Notes where the table and the header above it contradict the payload.
pub(super) fn judge(parsed: &Parsed<'_>, page: &[u8], settings: &GateSettings, findings: &mut Findings) {
    let Some(start) = memmem::find(page, b"<table") else {
        return;
    };
    let (above, table) = page.split_at(start);
    header(parsed, above, findings);
    if let Some(shown) = table_scan::scan(table) {
        return rows(parsed, &shown, settings, findings);
    }
    match std::str::from_utf8(page)
        .map_err(|error| error.to_string())
        .and_then(table::read)
    {
        Ok(shown) => rows(parsed, &shown, settings, findings),
        Err(error) => findings.odd("table_not_compared", || error),
    }
}

/// The totals and the date printed above the table.
fn header(parsed: &Parsed<'_>, above: &[u8], findings: &mut Findings) {
    let header = page_text::header(above);
    let differ = |printed: Option<u64>, said: Option<u64>| matches!((printed, said), (Some(printed), Some(said)) if printed != said);
    if differ(header.models, parsed.total_models) {
        findings.refuse(Truncated, || {
            "the page prints another number of models than its payload has".to_owned()
        });
    }
    if differ(header.votes, parsed.total_votes) {
        findings.refuse(TablePayloadDisagree, || {
            "the page prints another total of votes than its payload has".to_owned()
        });
    }
    // The date may be printed in another time zone than the stamp's.
    if let (Some(printed), Some(stamp)) = (header.date, parsed.vintage)
        && printed
            .signed_duration_since(stamp.with_timezone(&Utc).date_naive())
            .num_days()
            .abs()
            > 1
    {
        findings.refuse(TablePayloadDisagree, || {
            format!("the page prints {printed}, its payload counts votes up to {stamp}")
        });
    }
}

fn rows(parsed: &Parsed<'_>, shown: &ShownTable<'_>, settings: &GateSettings, findings: &mut Findings) {
    for header in &shown.unknown_columns {
        findings.odd("unknown_column", || {
            format!("the table has an unknown column {}", quoted(header))
        });
    }
    let entries = &parsed.board.entries;
    let licenses = parsed
        .licenses
        .iter()
        .map(Option::as_deref)
        .chain(std::iter::repeat(None));
    let intervals = shown.rows.iter().any(|row| row.interval.is_some());
    let in_order = entries.len() == shown.rows.len()
        && entries
            .iter()
            .zip(&shown.rows)
            .all(|(entry, row)| entry.model_name == row.name);
    if in_order {
        for ((entry, license), row) in entries.iter().zip(licenses).zip(&shown.rows) {
            check(entry, license, row, intervals, findings);
        }
        return;
    }
    let mut by_name: BTreeMap<&str, &ShownRow<'_>> =
        shown.rows.iter().map(|row| (row.name.as_ref(), row)).collect();
    for (index, (entry, license)) in entries.iter().zip(licenses).enumerate() {
        match by_name.remove(entry.model_name.as_str()) {
            Some(row) => check(entry, license, row, intervals, findings),
            None if index < settings.top_rows => findings.refuse(TablePayloadDisagree, || {
                format!("the table does not show {}", quoted(&entry.model_name))
            }),
            None => findings.odd("not_in_table", || {
                format!("the table does not show {}", quoted(&entry.model_name))
            }),
        }
    }
    if let Some(name) = by_name.keys().next() {
        findings.refuse(TablePayloadDisagree, || {
            format!("only the table shows {}", quoted(name))
        });
    }
}

/// Compares one row; `intervals` says whether the layout shows them.
fn check(entry: &Entry, license: Option<&str>, row: &ShownRow<'_>, intervals: bool, findings: &mut Findings) {
    let gone = (intervals && row.interval.is_none()).then_some("interval");
    if let Some(what) = difference(entry, license, row).or(gone) {
        findings.refuse(TablePayloadDisagree, || {
            format!(
                "{}: the table shows another {what} than the payload",
                quoted(&entry.model_name)
            )
        });
    }
}

/// The first field in which a row of the table differs; what the layout does not show cannot differ.
fn difference(entry: &Entry, license: Option<&str>, row: &ShownRow<'_>) -> Option<&'static str> {
    let differs = |shown: Option<i64>, said: Option<i64>| shown.is_some() && shown != said;
    Some(match () {
        () if row.odd_cell.is_some() => row.odd_cell?,
        () if differs(row.rank, entry.rank) => "rank",
        () if differs(row.rank_ub, entry.rank_ub) || differs(row.rank_lb, entry.rank_lb) => "rank spread",
        () if differs(row.votes, entry.votes) => "number of votes",
        () if row.preliminary != entry.preliminary => "preliminary mark",
        () if !score_fits(entry, row) => "score",
        () if !interval_fits(entry, row) => "interval",
        () if !owner_fits(entry, license, row) => "organisation or licence",
        () => return None,
    })
}

fn near(printed: i64, value: f64, tolerance: f64) -> bool {
    // Printed scores are small integers, exact in a double.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a printed score has a handful of digits"
    )]
    let printed = printed as f64;
    (printed - value).abs() <= tolerance
}

fn score_fits(entry: &Entry, row: &ShownRow<'_>) -> bool {
    match (row.score, &entry.score) {
        (Some(printed), Some(score)) => near(printed, score.value(), ROUNDING),
        (shown, _) => shown.is_none(),
    }
}

/// `±5` is half the interval's width.
fn interval_fits(entry: &Entry, row: &ShownRow<'_>) -> bool {
    match (row.interval, &entry.score, &entry.ci_lower, &entry.ci_upper) {
        (Some((up, down)), _, Some(lower), Some(upper)) if up == down => {
            near(up, (upper.value() - lower.value()) / 2.0, ROUNDING)
        }
        (Some((up, down)), Some(score), Some(lower), Some(upper)) => {
            near(up, upper.value() - score.value(), END_ROUNDING)
                && near(down, score.value() - lower.value(), END_ROUNDING)
        }
        (shown, ..) => shown.is_none(),
    }
}

/// The line under the name is `organisation · licence`, or the licence alone.
fn owner_fits(entry: &Entry, license: Option<&str>, row: &ShownRow<'_>) -> bool {
    let organization = entry.known_organization();
    if row.owner_column && row.line.is_none() {
        return row.organization.as_deref() == organization;
    }
    let line = row.line.as_deref().unwrap_or_default();
    match (organization, license) {
        (Some(organization), Some(license)) => {
            line.strip_prefix(organization)
                .and_then(|rest| rest.strip_prefix(" · "))
                == Some(license)
        }
        (Some(only), None) | (None, Some(only)) => line == only,
        (None, None) => line.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::difference;
    use crate::parse::cells::ShownRow;
    use autotrader_settlement::{Entry, Rating};
    use rstest::rstest;

    fn entry() -> Entry {
        let rating = |text| Some(Rating::parse(text).unwrap());
        Entry {
            organization: Some("Anthropic".into()),
            rank: Some(1),
            rank_ub: Some(1),
            rank_lb: Some(2),
            score: rating("1500.56"),
            ci_lower: rating("1495.91"),
            ci_upper: rating("1505.21"),
            votes: Some(23_616),
            ..Entry::named("a")
        }
    }

    fn row() -> ShownRow<'static> {
        ShownRow {
            rank: Some(1),
            rank_ub: Some(1),
            rank_lb: Some(2),
            name: "a".into(),
            line: Some("Anthropic · Proprietary".into()),
            score: Some(1501),
            interval: Some((5, 5)),
            votes: Some(23_616),
            ..ShownRow::default()
        }
    }

    #[rstest]
    #[case::alike(row(), None)]
    #[case::rank(ShownRow { rank: Some(2), ..row() }, Some("rank"))]
    #[case::best(ShownRow { rank_ub: Some(2), ..row() }, Some("rank spread"))]
    #[case::worst(ShownRow { rank_lb: Some(3), ..row() }, Some("rank spread"))]
    #[case::score_up(ShownRow { score: Some(1502), ..row() }, Some("score"))]
    #[case::score_down(ShownRow { score: Some(1500), ..row() }, Some("score"))]
    #[case::interval(ShownRow { interval: Some((6, 6)), ..row() }, Some("interval"))]
    #[case::votes(ShownRow { votes: Some(23_617), ..row() }, Some("number of votes"))]
    #[case::badge(ShownRow { preliminary: true, ..row() }, Some("preliminary mark"))]
    #[case::company(ShownRow { line: Some("Anthropix · Proprietary".into()), ..row() }, Some("organisation or licence"))]
    #[case::licence(ShownRow { line: Some("Anthropic · MIT".into()), ..row() }, Some("organisation or licence"))]
    #[case::licence_alone(ShownRow { line: Some("Proprietary".into()), ..row() }, Some("organisation or licence"))]
    #[case::line_gone(ShownRow { line: None, ..row() }, Some("organisation or licence"))]
    #[case::cell(ShownRow { odd_cell: Some("votes"), ..row() }, Some("votes"))]
    #[case::older_layout(ShownRow { rank: None, rank_lb: None, line: None, owner_column: true, organization: Some("Anthropic".into()), ..row() }, None)]
    #[case::older_layout_company(ShownRow { line: None, owner_column: true, organization: Some("OpenAI".into()), ..row() }, Some("organisation or licence"))]
    fn differences(#[case] row: ShownRow<'static>, #[case] what: Option<&str>) {
        assert_eq!(difference(&entry(), Some("Proprietary"), &row), what);
    }

    #[rstest]
    #[case(Entry { votes: None, ..entry() }, "number of votes")]
    #[case(Entry { score: None, ..entry() }, "score")]
    #[case(Entry { ci_upper: None, ..entry() }, "interval")]
    #[case(Entry { organization: None, ..entry() }, "organisation or licence")]
    #[case(Entry { rank: None, ..entry() }, "rank")]
    fn what_the_payload_lost_is_a_difference(#[case] entry: Entry, #[case] what: &str) {
        assert_eq!(difference(&entry, Some("Proprietary"), &row()), Some(what));
    }
}
