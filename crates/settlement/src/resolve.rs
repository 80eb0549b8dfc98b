//! Who wins a board, and whom that pays.

use crate::order::{compare_by, is_missing, settlement_cmp};
use crate::{Criterion, Entry, Rule, RuleSet};

/// How a board settles under a rule set.
///
/// Only [`Outcome::Sole`] can come of [`Rule::Cascade`] on a board with entries.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    /// The board has no entries.
    NoEntries,
    /// The rule looks at a rank alone and no entry has one.
    Unranked,
    /// One entry is at the top.
    Sole(&'a Entry),
    /// Several models of one organisation share the top; in the order of settlement.
    TiedInsideOrganization(Vec<&'a Entry>),
    /// Models of different organisations share the top: nobody is paid; in the order of settlement.
    TiedBetweenOrganizations(Vec<&'a Entry>),
    /// Several models share the top and the organisation of at least one is not given, so that the kind of tie is
    /// not known; in the order of settlement.
    TiedOrganizationUnknown(Vec<&'a Entry>),
}

/// What a contract on a model or on an organisation receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Payment {
    /// It pays, and no other contract of its event does.
    Full,
    /// The model is one of several of one organisation at the top.
    ///
    /// The organisation's contract pays in full. The text that makes a tie inside an organisation pay says nothing
    /// about an event on models, where at most one contract can pay: such an event must not be traded on it.
    Shared,
    /// It pays nothing.
    Nothing,
    /// The board does not say: it is empty, carries no rank, or leaves an organisation open.
    Unknown,
}

impl<'a> Outcome<'a> {
    /// The winner: the sole top entry, or of a tie inside one organisation the first in the order of settlement.
    ///
    /// `None` when nobody is paid or it is not known who is.
    #[must_use]
    pub fn winner(&self) -> Option<&'a Entry> {
        match self {
            Self::Sole(entry) => Some(entry),
            Self::TiedInsideOrganization(tied) => tied.first().copied(),
            Self::NoEntries
            | Self::Unranked
            | Self::TiedBetweenOrganizations(_)
            | Self::TiedOrganizationUnknown(_) => None,
        }
    }

    /// The winner's organisation; `None` when there is no winner or the board does not give it.
    #[must_use]
    pub fn organization(&self) -> Option<&'a str> {
        self.winner().and_then(Entry::known_organization)
    }

    /// The entries that share the top, in the order of settlement; empty unless it is shared.
    #[must_use]
    pub fn tied(&self) -> &[&'a Entry] {
        match self {
            Self::TiedInsideOrganization(tied)
            | Self::TiedBetweenOrganizations(tied)
            | Self::TiedOrganizationUnknown(tied) => tied,
            Self::NoEntries | Self::Unranked | Self::Sole(_) => &[],
        }
    }

    /// What the contract on the model of this exact name receives.
    #[must_use]
    pub fn pays_model(&self, model_name: &str) -> Payment {
        let at_top = |tied: &[&Entry]| tied.iter().any(|entry| entry.model_name == model_name);
        match self {
            Self::NoEntries | Self::Unranked => Payment::Unknown,
            Self::Sole(entry) if entry.model_name == model_name => Payment::Full,
            Self::TiedInsideOrganization(tied) if at_top(tied) => Payment::Shared,
            Self::TiedOrganizationUnknown(tied) if at_top(tied) => Payment::Unknown,
            _ => Payment::Nothing,
        }
    }

    /// What the contract on the organisation of this exact name receives.
    #[must_use]
    pub fn pays_organization(&self, organization: &str) -> Payment {
        match self {
            Self::NoEntries | Self::Unranked => Payment::Unknown,
            Self::TiedBetweenOrganizations(_) => Payment::Nothing,
            Self::Sole(_) | Self::TiedInsideOrganization(_) => match self.organization() {
                Some(winner) if winner == organization => Payment::Full,
                Some(_) => Payment::Nothing,
                None => Payment::Unknown,
            },
            // The known organisations of such a tie agree, so another one can only be part of a tie that pays nobody.
            Self::TiedOrganizationUnknown(tied) => {
                match tied.iter().find_map(|entry| entry.known_organization()) {
                    Some(known) if known != organization => Payment::Nothing,
                    _ => Payment::Unknown,
                }
            }
        }
    }
}

/// Settles a board: which model is on top.
///
/// Total: NaN, infinities, duplicate names, negative votes and missing fields have the place
/// [`settlement_cmp`](crate::settlement_cmp) gives them, and the order of the input never matters. Under a rule that looks
/// at a rank alone a board of one entry needs no comparison, and a missing rank is no claim to the top.
///
/// ```
/// use autotrader_settlement::{Entry, RuleSet, resolve_top_model};
///
/// let board = [
///     Entry { rank_ub: Some(2), ..Entry::named("second") },
///     Entry { rank_ub: Some(1), ..Entry::named("first") },
/// ];
/// let outcome = resolve_top_model(&board, &RuleSet::default());
/// assert_eq!(outcome.winner().map(|entry| entry.model_name.as_str()), Some("first"));
/// ```
#[must_use]
pub fn resolve_top_model<'a>(entries: &'a [Entry], rules: &RuleSet) -> Outcome<'a> {
    match entries {
        [] => return Outcome::NoEntries,
        [only] => return Outcome::Sole(only),
        _ => {}
    }
    match rules.rule {
        Rule::Cascade => entries
            .iter()
            .min_by(|a, b| settlement_cmp(a, b, rules.score_precision))
            .map_or(Outcome::NoEntries, Outcome::Sole),
        Rule::RankUbAlone => by_rank_alone(entries, Criterion::RankUb, rules),
        Rule::OrdinalRankAlone => by_rank_alone(entries, Criterion::Rank, rules),
    }
}

/// Settles a board: which organisation owns the top model.
///
/// `None` when nobody is paid, nobody is known to be, or the board does not give the winner's organisation;
/// [`resolve_top_model`] tells which.
#[must_use]
pub fn resolve_top_org<'a>(entries: &'a [Entry], rules: &RuleSet) -> Option<&'a str> {
    resolve_top_model(entries, rules).organization()
}

fn by_rank_alone<'a>(entries: &'a [Entry], rank: Criterion, rules: &RuleSet) -> Outcome<'a> {
    let compare = |a: &Entry, b: &Entry| compare_by(rank, a, b, rules.score_precision);
    let ranked = || entries.iter().filter(|entry| !is_missing(rank, entry));
    let Some(best) = ranked().min_by(|a, b| compare(a, b)) else {
        return Outcome::Unranked;
    };
    let mut tied: Vec<&Entry> = ranked().filter(|entry| compare(entry, best).is_eq()).collect();
    if tied.len() == 1 {
        return Outcome::Sole(best);
    }
    tied.sort_unstable_by(|a, b| settlement_cmp(a, b, rules.score_precision));
    let mut known = tied.iter().filter_map(|entry| entry.known_organization());
    let first = known.next();
    if known.any(|organization| Some(organization) != first) {
        Outcome::TiedBetweenOrganizations(tied)
    } else if tied.iter().all(|entry| entry.known_organization().is_some()) {
        Outcome::TiedInsideOrganization(tied)
    } else {
        Outcome::TiedOrganizationUnknown(tied)
    }
}
