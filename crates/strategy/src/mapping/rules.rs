//! The rule texts of a market: what its primary rule names, when it is checked, and which tie-break text is approved.

pub use autotrader_domain::approvals::normalise;
use autotrader_domain::{Approvals, SeriesTicker, TextDecision};
use autotrader_settlement::{Rule, RuleSet, ScorePrecision};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

use crate::params::{MappingParams, ParamsError};

/// The tie-break text of KXTOPMODEL as the exchange published it in September 2026: the cascade.
pub const TOP_MODEL_TIE_RULE: &str = "If two models are tied under Rank (UB), then the model with the highest Arena \
    Score will win. If two models are still tied after that, then the model with the most votes will win. If two models \
    are still tied after that, the model that was released earlier will win.";

/// What a series of contracts asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Which exact model is on top (KXTOPMODEL).
    TopModel,
    /// Which company owns the model on top (KXLLM1).
    TopOrganization,
}

impl SeriesKind {
    /// What a series asks; `None` for a series this strategy does not trade.
    #[must_use]
    pub fn of(series: &SeriesTicker) -> Option<Self> {
        match series.as_str() {
            "KXTOPMODEL" => Some(Self::TopModel),
            "KXLLM1" => Some(Self::TopOrganization),
            _ => None,
        }
    }

    /// The words between the subject and the date in the series' primary rule.
    const fn question(self) -> &'static str {
        match self {
            Self::TopModel => " is the top-ranked AI model on ",
            Self::TopOrganization => " has the top-ranked LLM on ",
        }
    }
}

/// What a primary rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryRule {
    /// The model or company it names.
    pub subject: String,
    /// When the leaderboard is checked.
    pub check_time: DateTime<Utc>,
}

/// Reads a primary rule by its series' template; `None` when it does not fit in every word.
///
/// `If {subject} is the top-ranked AI model on {Sep 28, 2026} at {10:00 AM} ET, then the market resolves to Yes.`, and
/// with `has the top-ranked LLM on` for companies. White space is normalised first. ET is New York's time, summer time
/// included; a local time that New York skips or repeats fits nothing.
#[must_use]
pub fn read_primary(kind: SeriesKind, text: &str) -> Option<PrimaryRule> {
    let text = normalise(text);
    let inner = text
        .strip_prefix("If ")?
        .strip_suffix(" ET, then the market resolves to Yes.")?;
    let (subject, when) = inner.split_once(kind.question())?;
    if subject.is_empty() || when.contains(kind.question()) {
        return None;
    }
    Some(PrimaryRule {
        subject: subject.to_owned(),
        check_time: read_new_york(when)?,
    })
}

fn read_new_york(text: &str) -> Option<DateTime<Utc>> {
    const TEMPLATE: &str = "%b %-d, %Y at %-I:%M %p";
    let local = NaiveDateTime::parse_from_str(text, TEMPLATE).ok()?;
    // Parsing is lenient (signs, spaces, full month names); the template is not.
    if local.format(TEMPLATE).to_string() != text {
        return None;
    }
    let new_york = chrono_tz::America::New_York
        .from_local_datetime(&local)
        .single()?;
    Some(new_york.with_timezone(&Utc))
}

/// A tie-break text that a person has approved for a series, bound to what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedRules {
    /// The series.
    pub series: SeriesTicker,
    /// The text of `rules_secondary`.
    pub text: String,
    /// What it means.
    pub rule_set: RuleSet,
}

impl ApprovedRules {
    /// Binds a text to a rule set given by name: a rule (`cascade`) or a whole rule set (`v1:cascade:displayed`).
    ///
    /// # Errors
    /// [`ParamsError::RuleSet`] when the name is neither.
    pub fn new(series: SeriesTicker, text: impl Into<String>, rule_set: &str) -> Result<Self, ParamsError> {
        let parsed = match rule_set.parse::<Rule>() {
            Ok(rule) => Ok(RuleSet::new(rule, ScorePrecision::Full)),
            Err(unknown_rule) if !rule_set.contains(':') => Err(unknown_rule),
            Err(_) => rule_set.parse::<RuleSet>(),
        };
        Ok(Self {
            series,
            text: text.into(),
            rule_set: parsed.map_err(|error| ParamsError::RuleSet {
                text: rule_set.to_owned(),
                detail: error.to_string(),
            })?,
        })
    }

    /// The published text of KXTOPMODEL, approved by default: the cascade at full precision.
    #[must_use]
    pub fn verbatim_top_model() -> Option<Self> {
        Some(Self {
            series: "KXTOPMODEL".parse().ok()?,
            text: TOP_MODEL_TIE_RULE.to_owned(),
            rule_set: RuleSet::default(),
        })
    }
}

/// The rule set that the configuration binds to a series' tie-break text; `None` when it knows no such text.
///
/// Of two entries with the same text the later one holds, so that a configured one replaces one that is built in.
#[must_use]
pub fn bound_rule_set(approved: &[ApprovedRules], series: &SeriesTicker, text: &str) -> Option<RuleSet> {
    let text = normalise(text);
    approved
        .iter()
        .rev()
        .find(|rules| rules.series == *series && normalise(&rules.text) == text)
        .map(|rules| rules.rule_set)
}

/// The rule set bound to a series' tie-break text; `None` when nobody approved that text, or who did took it back.
///
/// What a person said by command comes first: an approval says what the text means, a revocation that it is not traded.
#[must_use]
pub fn rule_set(
    approvals: &Approvals,
    params: &MappingParams,
    series: &SeriesTicker,
    text: &str,
) -> Option<RuleSet> {
    match approvals.text(series, text) {
        Some(TextDecision::Approved(rule_set)) => Some(rule_set),
        Some(TextDecision::Revoked) => None,
        None => bound_rule_set(&params.approved_rules, series, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[rstest]
    #[case::summer_time(
        SeriesKind::TopModel,
        "If aurora-5.1-max is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes.",
        "aurora-5.1-max",
        "2026-09-28T14:00:00Z"
    )]
    #[case::winter_time(
        SeriesKind::TopOrganization,
        "If Northwind Labs has the top-ranked LLM on Dec 31, 2026 at 10:00 AM ET, then the market resolves to Yes.",
        "Northwind Labs",
        "2026-12-31T15:00:00Z"
    )]
    #[case::the_day_summer_time_ends(
        SeriesKind::TopOrganization,
        "If X has the top-ranked LLM on Nov 1, 2026 at 10:00 AM ET, then the market resolves to Yes.",
        "X",
        "2026-11-01T15:00:00Z"
    )]
    #[case::white_space(
        SeriesKind::TopModel,
        "  If a  is the top-ranked\nAI model on Sep 1, 2026 at 12:30 PM ET, then the market resolves to Yes. ",
        "a",
        "2026-09-01T16:30:00Z"
    )]
    fn a_rule_names_its_subject_and_check(
        #[case] kind: SeriesKind,
        #[case] text: &str,
        #[case] subject: &str,
        #[case] check: &str,
    ) {
        let rule = read_primary(kind, text).unwrap();
        assert_eq!((rule.subject.as_str(), rule.check_time), (subject, utc(check)));
    }

    #[rstest]
    #[case::the_last_day_of_summer_time("Oct 31, 2026", "2026-10-31T14:00:00Z")]
    #[case::the_day_summer_time_ends("Nov 1, 2026", "2026-11-01T15:00:00Z")]
    #[case::the_day_after("Nov 2, 2026", "2026-11-02T15:00:00Z")]
    #[case::the_last_day_of_winter_time("Mar 7, 2026", "2026-03-07T15:00:00Z")]
    #[case::the_day_summer_time_begins("Mar 8, 2026", "2026-03-08T14:00:00Z")]
    #[case::the_next_day("Mar 9, 2026", "2026-03-09T14:00:00Z")]
    fn ten_in_new_york_is_ten_on_both_sides_of_a_change_of_clocks(#[case] day: &str, #[case] check: &str) {
        let text = format!(
            "If a is the top-ranked AI model on {day} at 10:00 AM ET, then the market resolves to Yes."
        );
        let rule = read_primary(SeriesKind::TopModel, &text).unwrap();
        assert_eq!(rule.check_time, utc(check));
    }

    #[rstest]
    #[case::an_hour_that_comes_twice("Nov 1, 2026 at 1:30 AM")]
    #[case::an_hour_that_does_not_come("Mar 8, 2026 at 2:30 AM")]
    fn a_time_that_is_not_one_instant_is_not_traded(#[case] when: &str) {
        let text = format!("If a is the top-ranked AI model on {when} ET, then the market resolves to Yes.");
        assert!(read_primary(SeriesKind::TopModel, &text).is_none());
    }

    #[rstest]
    #[case::empty("")]
    #[case::other_question(
        "If a has a #1 ranked AI model before Jan 1, 2027, then the market resolves to Yes."
    )]
    #[case::no_subject(
        "If  is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
    )]
    #[case::resolves_to_no(
        "If a is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to No."
    )]
    #[case::other_zone(
        "If a is the top-ranked AI model on Sep 28, 2026 at 10:00 AM PT, then the market resolves to Yes."
    )]
    #[case::more_after(
        "If a is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes. Not."
    )]
    #[case::no_such_day(
        "If a is the top-ranked AI model on Sep 31, 2026 at 10:00 AM ET, then the market resolves to Yes."
    )]
    #[case::month_in_full(
        "If a is the top-ranked AI model on September 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
    )]
    #[case::signed_year(
        "If a is the top-ranked AI model on Sep 28, +2026 at 10:00 AM ET, then the market resolves to Yes."
    )]
    #[case::hour_that_new_york_skips(
        "If a is the top-ranked AI model on Mar 8, 2026 at 2:30 AM ET, then the market resolves to Yes."
    )]
    #[case::hour_that_new_york_repeats(
        "If a is the top-ranked AI model on Nov 1, 2026 at 1:30 AM ET, then the market resolves to Yes."
    )]
    #[case::question_twice(
        "If a is the top-ranked AI model on b is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
    )]
    fn another_text_fits_nothing(#[case] text: &str) {
        assert_eq!(read_primary(SeriesKind::TopModel, text), None);
    }

    #[test]
    fn the_templates_of_the_series_are_not_exchanged() {
        let text =
            "If a has the top-ranked LLM on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes.";
        assert_eq!(read_primary(SeriesKind::TopModel, text), None);
        assert!(read_primary(SeriesKind::TopOrganization, text).is_some());
    }

    #[test]
    fn an_approved_text_may_differ_in_white_space_only() {
        let approved = [ApprovedRules::verbatim_top_model().unwrap()];
        let series: SeriesTicker = "KXTOPMODEL".parse().unwrap();
        let other: SeriesTicker = "KXLLM1".parse().unwrap();
        let spaced = TOP_MODEL_TIE_RULE.replace(". ", ".\n\n  ");
        assert_eq!(
            bound_rule_set(&approved, &series, &spaced),
            Some(RuleSet::default())
        );
        assert_eq!(bound_rule_set(&approved, &other, TOP_MODEL_TIE_RULE), None);
        for change in ["highest", "Rank (UB)", "earlier", "."] {
            let changed = TOP_MODEL_TIE_RULE.replacen(change, "", 1);
            assert_eq!(
                bound_rule_set(&approved, &series, &changed),
                None,
                "without `{change}`"
            );
        }
        assert_eq!(bound_rule_set(&approved, &series, ""), None);
    }

    #[rstest]
    #[case("cascade", "v1:cascade:full")]
    #[case("rank_ub_alone", "v1:rank_ub_alone:full")]
    #[case("v1:cascade:displayed", "v1:cascade:displayed")]
    fn a_rule_set_is_read_by_name(#[case] name: &str, #[case] expected: &str) {
        let rules = ApprovedRules::new("KXLLM1".parse().unwrap(), "t", name).unwrap();
        assert_eq!(rules.rule_set.to_string(), expected);
    }

    #[rstest]
    #[case(
        "Cascade",
        "rule set `Cascade`: `Cascade` is not a rule: cascade, rank_ub_alone or ordinal_rank_alone"
    )]
    #[case(
        "v2:cascade:full",
        "rule set `v2:cascade:full`: `v2` is not a rule version: v1"
    )]
    fn an_unknown_rule_set_is_an_error(#[case] name: &str, #[case] message: &str) {
        let error = ApprovedRules::new("KXLLM1".parse().unwrap(), "t", name).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
