//! Why a board settles as it does, step by step, and which other reading of the text would settle it otherwise.

use crate::order::{compare_by, counted_as, is_missing, shown};
use crate::{Criterion, Entry, Outcome, Rule, RuleSet, ScorePrecision, resolve_top_model, settlement_order};

/// The kind of an [`Outcome`], without its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OutcomeKind {
    /// [`Outcome::NoEntries`].
    NoEntries,
    /// [`Outcome::Unranked`].
    Unranked,
    /// [`Outcome::Sole`].
    Sole,
    /// [`Outcome::TiedInsideOrganization`].
    TiedInsideOrganization,
    /// [`Outcome::TiedBetweenOrganizations`].
    TiedBetweenOrganizations,
    /// [`Outcome::TiedOrganizationUnknown`].
    TiedOrganizationUnknown,
}

impl Outcome<'_> {
    /// The outcome's kind.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::NoEntries => OutcomeKind::NoEntries,
            Self::Unranked => OutcomeKind::Unranked,
            Self::Sole(_) => OutcomeKind::Sole,
            Self::TiedInsideOrganization(_) => OutcomeKind::TiedInsideOrganization,
            Self::TiedBetweenOrganizations(_) => OutcomeKind::TiedBetweenOrganizations,
            Self::TiedOrganizationUnknown(_) => OutcomeKind::TiedOrganizationUnknown,
        }
    }
}

/// A model and the organisation the board gives for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Winner {
    /// The model's slug.
    pub model_name: String,
    /// The company that owns it; `None` when the board does not give it.
    pub organization: Option<String>,
}

impl From<&Entry> for Winner {
    fn from(entry: &Entry) -> Self {
        Self {
            model_name: entry.model_name.clone(),
            organization: entry.known_organization().map(str::to_owned),
        }
    }
}

/// What one criterion did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Step {
    /// The criterion.
    pub criterion: Criterion,
    /// How many entries it compared.
    pub contenders: usize,
    /// The best value among them, as compared; `None` when none has one.
    pub best: Option<String>,
    /// The names with that value, in the order of settlement.
    pub survivors: Vec<String>,
}

/// A contender without the value that a criterion was to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Missing {
    /// The criterion.
    pub criterion: Criterion,
    /// The model's slug.
    pub model_name: String,
}

/// A partial release date that was compared as the first day of its period.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ImpreciseDate {
    /// The model's slug.
    pub model_name: String,
    /// The date as given, `YYYY` or `YYYY-MM`.
    pub given: String,
    /// The day it counted as, `YYYY-MM-DD`.
    pub counted_as: String,
}

/// A rule set that names another winner than the one asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OtherReading {
    /// The rule set.
    pub rule_set: RuleSet,
    /// How the board settles under it.
    pub outcome: OutcomeKind,
    /// Whom it names; `None` when it pays nobody or does not say whom.
    pub winner: Option<Winner>,
}

/// Why a board settles as it does.
///
/// Its [`Display`](std::fmt::Display) form tells the same in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Explanation {
    /// The rule set.
    pub rule_set: RuleSet,
    /// How the board settles.
    pub outcome: OutcomeKind,
    /// The winner; `None` when nobody is paid or it is not known who is.
    pub winner: Option<Winner>,
    /// The models that share the top, in the order of settlement; empty unless it is shared.
    pub tied: Vec<Winner>,
    /// The criterion that left the winner alone, or its organisation in a tie that pays; `None` without a winner.
    pub decided_by: Option<Criterion>,
    /// Each criterion consulted, in order; the last one decided, or left the tie.
    pub steps: Vec<Step>,
    /// What the criteria consulted did not find, among the entries still in contention.
    pub missing: Vec<Missing>,
    /// Partial release dates compared, among the entries still in contention.
    pub imprecise_dates: Vec<ImpreciseDate>,
    /// Names that more than one entry carries, anywhere on the board.
    pub duplicate_names: Vec<String>,
    /// Other rules and score precisions that would name another winner or none.
    pub other_readings: Vec<OtherReading>,
}

/// Explains how a board settles: every criterion consulted, what was missing, and what another reading would say.
///
/// ```
/// use autotrader_settlement::{Criterion, Entry, Rating, RuleSet, explain};
///
/// let entry = |name, score| Entry {
///     rank_ub: Some(1),
///     score: Some(Rating::from_value(score)),
///     votes: Some(1),
///     ..Entry::named(name)
/// };
/// let board = [entry("a", 1500.4), entry("b", 1500.1)];
/// let why = explain(&board, &RuleSet::default());
/// assert_eq!(why.decided_by, Some(Criterion::Score));
/// assert_eq!(why.steps.len(), 2);
/// ```
#[must_use]
pub fn explain(entries: &[Entry], rules: &RuleSet) -> Explanation {
    let outcome = resolve_top_model(entries, rules);
    let winner = outcome.winner().map(Winner::from);
    let mut explanation = Explanation {
        rule_set: *rules,
        outcome: outcome.kind(),
        tied: outcome.tied().iter().map(|&entry| Winner::from(entry)).collect(),
        decided_by: None,
        steps: Vec::new(),
        missing: Vec::new(),
        imprecise_dates: Vec::new(),
        duplicate_names: duplicate_names(entries),
        other_readings: other_readings(entries, rules),
        winner,
    };
    if let [_] = entries {
        explanation.decided_by = Some(Criterion::OnlyEntry);
        return explanation;
    }
    let mut contenders = settlement_order(entries, rules);
    for &criterion in rules.rule.criteria() {
        if contenders.len() < 2 {
            break;
        }
        contenders = explanation.take_step(criterion, &contenders);
    }
    if explanation.winner.is_some() {
        explanation.decided_by = explanation.steps.last().map(|step| step.criterion);
    }
    explanation
}

/// Every other rule and score precision under which the board names another winner, or none.
///
/// A precision that makes no difference to another rule is not listed beside it, and a rule that looks at a rank nobody
/// has says nothing and is not listed.
#[must_use]
pub fn other_readings(entries: &[Entry], rules: &RuleSet) -> Vec<OtherReading> {
    let own = read(entries, *rules);
    let other_precision = match rules.score_precision {
        ScorePrecision::Full => ScorePrecision::Displayed,
        ScorePrecision::Displayed => ScorePrecision::Full,
    };
    let mut readings = Vec::new();
    for &rule in Rule::ALL {
        let same_precision = read(entries, RuleSet { rule, ..*rules });
        let displaced = read(
            entries,
            RuleSet {
                rule,
                score_precision: other_precision,
                ..*rules
            },
        );
        let displaced = (displaced.winner != same_precision.winner).then_some(displaced);
        readings.extend(
            std::iter::once(same_precision)
                .chain(displaced)
                .filter(|reading| reading.winner != own.winner && reading.outcome != OutcomeKind::Unranked),
        );
    }
    readings
}

fn read(entries: &[Entry], rule_set: RuleSet) -> OtherReading {
    let outcome = resolve_top_model(entries, &rule_set);
    OtherReading {
        rule_set,
        outcome: outcome.kind(),
        winner: outcome.winner().map(Winner::from),
    }
}

impl Explanation {
    /// Records what a criterion does to the contenders, and returns who survives it.
    fn take_step<'a>(&mut self, criterion: Criterion, contenders: &[&'a Entry]) -> Vec<&'a Entry> {
        let precision = self.rule_set.score_precision;
        let best = contenders
            .iter()
            .copied()
            .min_by(|a, b| compare_by(criterion, a, b, precision));
        let survivors: Vec<&Entry> = contenders
            .iter()
            .copied()
            .filter(|entry| best.is_some_and(|best| compare_by(criterion, entry, best, precision).is_eq()))
            .collect();
        for entry in contenders.iter().filter(|entry| is_missing(criterion, entry)) {
            self.missing.push(Missing {
                criterion,
                model_name: entry.model_name.clone(),
            });
        }
        if criterion == Criterion::ReleaseDate {
            self.imprecise_dates
                .extend(contenders.iter().filter_map(|entry| imprecise_date(entry)));
        }
        self.steps.push(Step {
            criterion,
            contenders: contenders.len(),
            best: best.and_then(|best| shown(criterion, best, precision)),
            survivors: survivors.iter().map(|entry| entry.model_name.clone()).collect(),
        });
        survivors
    }
}

fn imprecise_date(entry: &Entry) -> Option<ImpreciseDate> {
    entry
        .release_date
        .filter(|date| !date.is_precise())
        .map(|date| ImpreciseDate {
            model_name: entry.model_name.clone(),
            given: date.to_string(),
            counted_as: counted_as(date),
        })
}

fn duplicate_names(entries: &[Entry]) -> Vec<String> {
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.model_name.as_str()).collect();
    names.sort_unstable();
    let mut duplicates: Vec<&str> = names
        .iter()
        .zip(names.iter().skip(1))
        .filter(|(a, b)| a == b)
        .map(|(name, _)| *name)
        .collect();
    duplicates.dedup();
    duplicates.into_iter().map(str::to_owned).collect()
}
