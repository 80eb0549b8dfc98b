//! What forbids an entry, each with its own [`Reason`].
//!
//! Every function is pure and judges one thing; [`crate::LeaderboardAlpha`] puts the reasons in order.

use autotrader_domain::{
    AcceptedBoard, BoardStanding, Book, ChallengeKind, Claim, ExchangeStatus, Market, MarketStatus, Mid,
    Outcome, Price, Reason,
};
use autotrader_settlement::{Entry, resolve_top_model};
use chrono::{DateTime, TimeDelta, Utc};

use crate::fair::RankedBoard;
use crate::mapping::SeriesKind;
use crate::params::{BoardWalkParams, GuardParams};
use crate::prior::{MarketPrior, mid_sum};

/// What forbids entries everywhere: no board, a held or coarser one, a feed or a board that is too old.
#[must_use]
pub fn board_reasons(standing: &BoardStanding, at: DateTime<Utc>, params: &GuardParams) -> Vec<Reason> {
    let Some(accepted) = &standing.accepted else {
        return vec![Reason::NoBoard];
    };
    let mut reasons = Vec::new();
    match standing.challenge.as_ref().map(|challenge| challenge.kind) {
        Some(ChallengeKind::Held(_)) => reasons.push(Reason::HeldBoard),
        Some(ChallengeKind::CoarserPath) => reasons.push(Reason::BoardNotTradable),
        Some(ChallengeKind::SameStamp | ChallengeKind::OlderVintage) | None => {}
    }
    // A feed that was never read is as old as can be.
    let feed_age = standing.feed_at.map(|feed| at.signed_duration_since(feed));
    if feed_age.is_none_or(|age| age > params.max_feed_age) {
        reasons.push(Reason::StaleFeed);
    }
    if at.signed_duration_since(accepted.vintage.0) > params.max_board_age {
        reasons.push(Reason::StaleBoard);
    }
    reasons
}

/// How many inputs a fair value has to do without: votes of the leader or of the next, and a board younger than the mean
/// time between two refreshes.
#[must_use]
pub fn missing_inputs(accepted: &AcceptedBoard, at: DateTime<Utc>, walk: &BoardWalkParams) -> u32 {
    let mut scored: Vec<&Entry> = accepted
        .board
        .entries
        .iter()
        .filter(|entry| entry.score.is_some())
        .collect();
    let value = |entry: &Entry| {
        entry
            .score
            .as_ref()
            .map_or(f64::NEG_INFINITY, autotrader_settlement::Rating::value)
    };
    scored.sort_by(|a, b| value(b).total_cmp(&value(a)));
    let no_votes = scored
        .iter()
        .take(2)
        .any(|entry| entry.votes.is_none_or(|votes| votes < 1));
    let age = at.signed_duration_since(accepted.vintage.0).as_seconds_f64() / 86_400.0;
    u32::from(no_votes) + u32::from(age > walk.refresh_days)
}

/// Whether the position is on the leader already and hardly anything can change before the check: then nothing is added.
#[must_use]
pub fn nothing_to_come(horizon: TimeDelta, params: &GuardParams, walk: &BoardWalkParams) -> bool {
    let days = horizon.as_seconds_f64() / 86_400.0;
    (-days / walk.refresh_days).exp() > params.no_refresh
}

/// What forbids trading a market at all: its own life and the exchange's state.
#[must_use]
pub fn market_reasons(market: &Market, exchange: Option<ExchangeStatus>, at: DateTime<Utc>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if at >= market.close_time {
        reasons.push(Reason::PastClose);
    }
    if market.status != MarketStatus::Active {
        reasons.push(Reason::NotOpen);
    }
    // Not asked yet is not the same as open.
    if !exchange.is_some_and(|status| status.exchange_active && status.trading_active) {
        reasons.push(Reason::ExchangePaused);
    }
    reasons
}

/// The book when one was received recently enough.
///
/// # Errors
/// [`Reason::NoBook`] or [`Reason::StaleBook`].
pub fn fresh_book<'a>(
    book: Option<&'a Book>,
    at: DateTime<Utc>,
    params: &GuardParams,
) -> Result<&'a Book, Reason> {
    let book = book.ok_or(Reason::NoBook)?;
    if at.signed_duration_since(book.received_at) > params.max_book_age {
        return Err(Reason::StaleBook);
    }
    Ok(book)
}

/// What a book's two best prices forbid: an empty side, or a spread that is too wide.
#[must_use]
pub fn spread_reason(mid: Mid, params: &GuardParams) -> Option<Reason> {
    match mid {
        Mid::Interval { .. } => Some(Reason::OneSidedBook),
        Mid::Point { bid, ask } => {
            let spread = ask.raw() - bid.raw();
            (spread > params.max_spread.raw()).then_some(Reason::WideSpread)
        }
    }
}

/// Whether no sum of mids within the plausible band fits an event's books.
#[must_use]
pub fn mids_out_of_band(raw: &[MarketPrior], params: &GuardParams) -> bool {
    let (low, high) = mid_sum(raw);
    low > params.max_mid_sum || high < params.min_mid_sum
}

/// The state of the world in which an entry wins.
pub(crate) fn outcome(winner: &Entry) -> Outcome {
    Outcome {
        model_name: Some(winner.model_name.clone()),
        organization: winner.known_organization().map(str::to_owned),
    }
}

/// Whether two possible winners pay any of the claims differently; a winner that is not known differs from any.
fn differ(claims: &[&Claim], a: Option<&Entry>, b: Option<&Entry>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (a, b) = (outcome(a), outcome(b));
            claims.iter().any(|claim| claim.pays(&a) != claim.pays(&b))
        }
        (None, None) => false,
        _ => true,
    }
}

/// What a challenge to the accepted board forbids on one event: only boards whose winners pay it differently do.
#[must_use]
pub fn challenge_reason(
    standing: &BoardStanding,
    board: &RankedBoard<'_>,
    claims: &[&Claim],
) -> Option<Reason> {
    let challenge = standing.challenge.as_ref()?;
    let reason = match challenge.kind {
        ChallengeKind::OlderVintage => Reason::OlderVintage,
        ChallengeKind::SameStamp => Reason::UnconfirmedBoard,
        // These forbid entries everywhere.
        ChallengeKind::Held(_) | ChallengeKind::CoarserPath => return None,
    };
    let other = resolve_top_model(&challenge.board.entries, &board.rules()).winner();
    differ(claims, board.winner(), other).then_some(reason)
}

/// Whether the winner depends on the score precision, or close to the check on a gap too small to call.
///
/// Only readings that pay one of the event's claims differently count.
#[must_use]
pub fn is_ambiguous(
    entries: &[Entry],
    board: &RankedBoard<'_>,
    horizon: TimeDelta,
    claims: &[&Claim],
    params: &GuardParams,
) -> bool {
    let rules = board.rules();
    let winner = board.winner();
    if differ(
        claims,
        winner,
        resolve_top_model(entries, &rules.other_precision()).winner(),
    ) {
        return true;
    }
    horizon <= params.ambiguous_within
        && board
            .contenders()
            .skip(1)
            .filter(|rival| within_gap(winner, rival, params.ambiguous_gap))
            .any(|rival| differ(claims, winner, Some(rival)))
}

/// Whether a rival's score is less than `gap` points behind; a missing score settles nothing.
fn within_gap(winner: Option<&Entry>, rival: &Entry, gap: f64) -> bool {
    let score = |entry: &Entry| entry.score.as_ref().map(autotrader_settlement::Rating::value);
    match (winner.and_then(score), score(rival)) {
        (Some(best), Some(own)) => best - own < gap,
        _ => true,
    }
}

/// Whether one of the models at the top has no contract in the event.
#[must_use]
pub fn has_unmapped_top(
    board: &RankedBoard<'_>,
    kind: SeriesKind,
    claims: &[&Claim],
    params: &GuardParams,
) -> bool {
    board.order().iter().take(params.mapped_top).any(|entry| {
        !claims.iter().any(|claim| match (kind, claim) {
            (SeriesKind::TopModel, Claim::Model { model_name, .. }) => *model_name == entry.model_name,
            (SeriesKind::TopOrganization, Claim::Organization { organization }) => {
                entry.known_organization() == Some(organization)
            }
            _ => false,
        })
    })
}

/// Whether model and market differ so much that news was probably missed; fresh news explains any gap.
#[must_use]
pub fn gap_too_large(model: f64, market: f64, fresh: bool, params: &GuardParams) -> bool {
    !fresh && (model - market).abs() > params.max_gap
}

/// Whether NO would be bought on a strong favourite without fresh news.
#[must_use]
pub fn against_favourite(bid: Price, ask: Price, fresh: bool, params: &GuardParams) -> bool {
    !fresh && f64::midpoint(bid.probability(), ask.probability()) > params.favourite
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_settlement::{Rating, RuleSet};
    use rstest::rstest;

    fn entry(name: &str, lab: &str, rank_ub: i64, score: &str) -> Entry {
        Entry {
            organization: Some(lab.to_owned()),
            rank_ub: Some(rank_ub),
            score: Some(Rating::parse(score).unwrap()),
            votes: Some(100),
            ..Entry::named(name)
        }
    }

    fn model(name: &str) -> Claim {
        Claim::Model {
            model_name: name.into(),
            organization: None,
        }
    }

    fn lab(name: &str) -> Claim {
        Claim::Organization {
            organization: name.into(),
        }
    }

    #[rstest]
    // Displayed, both are 1500, and the votes are equal, so the name decides: b before c, but a is first by score.
    #[case::precision(&[("c", "C", 1, "1500.4"), ("b", "B", 1, "1500.1")], 90, &[model("b")], true)]
    #[case::precision_inside_a_lab(&[("c", "C", 1, "1500.4"), ("b", "C", 1, "1500.1")], 90, &[lab("C")], false)]
    #[case::precision_of_others(&[("c", "C", 1, "1500.4"), ("b", "B", 1, "1500.1")], 90, &[model("z")], false)]
    #[case::small_gap_soon(&[("a", "A", 1, "1501.2"), ("b", "B", 1, "1500.3")], 48, &[model("a")], true)]
    #[case::small_gap_later(&[("a", "A", 1, "1501.2"), ("b", "B", 1, "1500.3")], 49, &[model("a")], false)]
    #[case::one_point_is_enough(&[("a", "A", 1, "1501.2"), ("b", "B", 1, "1500.2")], 48, &[model("a")], false)]
    #[case::rank_decides(&[("a", "A", 1, "1501.2"), ("b", "B", 2, "1500.9")], 48, &[model("a")], false)]
    #[case::third_within(
        &[("a", "A", 1, "1501.2"), ("a2", "A", 1, "1501.0"), ("b", "B", 1, "1500.6")], 48, &[lab("B")], true
    )]
    fn ambiguity(
        #[case] rows: &[(&str, &str, i64, &str)],
        #[case] hours: i64,
        #[case] claims: &[Claim],
        #[case] expected: bool,
    ) {
        let entries: Vec<Entry> = rows.iter().map(|(n, l, r, s)| entry(n, l, *r, s)).collect();
        let board = RankedBoard::new(&entries, RuleSet::default());
        let claims: Vec<&Claim> = claims.iter().collect();
        let horizon = TimeDelta::hours(hours);
        assert_eq!(
            is_ambiguous(&entries, &board, horizon, &claims, &GuardParams::default()),
            expected
        );
    }

    #[test]
    fn every_top_model_needs_a_contract_of_the_kind_of_the_event() {
        let entries = [
            entry("a", "A", 1, "1500"),
            entry("b", "B", 2, "1490"),
            entry("c", "C", 3, "1480"),
        ];
        let board = RankedBoard::new(&entries, RuleSet::default());
        let params = GuardParams {
            mapped_top: 2,
            ..GuardParams::default()
        };
        let (ma, mb, la, lb) = (model("a"), model("b"), lab("A"), lab("B"));
        for (kind, claims, expected) in [
            (SeriesKind::TopModel, vec![&ma, &mb], false),
            (SeriesKind::TopModel, vec![&ma], true),
            (SeriesKind::TopModel, vec![&la, &lb], true),
            (SeriesKind::TopOrganization, vec![&la, &lb], false),
            (SeriesKind::TopOrganization, vec![&lb], true),
            (SeriesKind::TopOrganization, vec![], true),
        ] {
            assert_eq!(
                has_unmapped_top(&board, kind, &claims, &params),
                expected,
                "{kind:?} {claims:?}"
            );
        }
    }

    #[rstest]
    #[case(&[0.5, 0.3], false)]
    #[case(&[0.5, 0.24], true)]
    #[case(&[0.9, 0.21], true)]
    #[case(&[0.9, 0.19], false)]
    fn the_sum_of_mids_has_a_band(#[case] mids: &[f64], #[case] expected: bool) {
        let raw: Vec<MarketPrior> = mids.iter().copied().map(MarketPrior::Point).collect();
        assert_eq!(mids_out_of_band(&raw, &GuardParams::default()), expected);
        let mut open = raw;
        open.push(MarketPrior::UNKNOWN);
        let low: f64 = mids.iter().sum();
        assert_eq!(
            mids_out_of_band(&open, &GuardParams::default()),
            low > 1.10,
            "an unknown leg may be anything"
        );
    }
}
