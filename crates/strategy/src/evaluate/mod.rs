//! One evaluation: every contract is judged, then sizes are given out in the order of edges.

mod budget;
mod contract;
mod decide;
mod growth;
mod outlook;
mod tending;

pub(crate) use contract::Terms;
pub(crate) use outlook::Estimators;

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Claim, ClientOrderId, CoherenceFinding, Evaluation, EventTicker, Market, MarketView, Order, OrderState,
    Purpose, Reason,
};
use contract::{Assessment, EventScene, Scene, mapping_reasons};
use decide::decide;
use outlook::BoardView;

use crate::mapping::SeriesKind;
use crate::params::Params;
use crate::prior::{MarketPrior, devig};
use crate::{coherence, guards, pool, timing};

/// Evaluates a view: pure, deterministic, in the order of tickers and of edges.
pub(crate) fn evaluate(
    strategy: &'static str,
    params: &Params,
    estimators: &Estimators,
    view: &MarketView<'_>,
) -> Evaluation {
    let age = pool::news_age(view.standing, view.at, params.timing.clock_skew);
    let scene = Scene {
        params,
        view,
        board: board_view(params, estimators, view),
        everywhere: guards::board_reasons(view.standing, view.at, &params.guards),
        fresh: pool::is_fresh(age, &params.pool),
        weight: pool::model_weight(age, &params.pool),
        min_edge: min_edge(view, params),
    };
    let mut events: BTreeMap<&EventTicker, Vec<&Market>> = BTreeMap::new();
    for market in view.markets.values() {
        events.entry(&market.event).or_default().push(market);
    }
    let mut assessed = Vec::with_capacity(view.markets.len());
    let mut forbidden = BTreeMap::new();
    for (event, markets) in &events {
        let event_scene = assess_event(&scene, markets, &mut assessed);
        forbidden.insert(*event, !event_scene.board_reasons.is_empty());
    }
    let mut cancels = cancels(&scene, &forbidden);
    let decided = decide(strategy, &scene, assessed);
    cancels.extend(decided.withdrawn);
    let refreshes = decided
        .refreshed
        .into_iter()
        .filter(|id| !cancels.contains(id))
        .collect();
    Evaluation {
        intents: decided.intents,
        cancels: cancels.into_iter().collect(),
        refreshes,
        why: decided.why,
        forecasts: match (&scene.board, &view.standing.accepted) {
            (Some(board), Some(accepted)) => board.forecasts(accepted.hash, view.at),
            _ => Vec::new(),
        },
        coherence: coherence::combinations(view, params, |rules, check, claim| {
            let outlook = scene.board.as_ref()?.outlook(rules, check)?;
            Some(outlook.central().probability(claim))
        })
        .into_iter()
        .filter(|finding| finding.net > 0.0)
        .collect(),
    }
}

/// What the estimators say for every check and rule set that some contract needs.
fn board_view<'a>(
    params: &'a Params,
    estimators: &Estimators,
    view: &MarketView<'a>,
) -> Option<BoardView<'a>> {
    let wanted = view
        .markets
        .keys()
        .filter_map(|ticker| Terms::of(view.mappings.get(ticker)))
        .map(|terms| (terms.rules, terms.check_time));
    BoardView::new(view.standing, view.history, wanted, view.at, estimators, params)
}

/// Prices held against each other, whether they contradict each other or not.
pub(crate) fn monitors(
    params: &Params,
    estimators: &Estimators,
    view: &MarketView<'_>,
) -> Vec<CoherenceFinding> {
    let board = board_view(params, estimators, view);
    coherence::combinations(view, params, |rules, check, claim| {
        Some(
            board
                .as_ref()?
                .outlook(rules, check)?
                .central()
                .probability(claim),
        )
    })
}

/// The least edge of an entry: what is configured, and a little more for every input that is missing.
fn min_edge(view: &MarketView<'_>, params: &Params) -> f64 {
    let missing = view.standing.accepted.as_ref().map_or(0, |accepted| {
        guards::missing_inputs(accepted, view.at, &params.board_walk)
    });
    params.min_edge_after_fees.probability() + f64::from(missing) * params.missing_input_penalty.probability()
}

/// Judges the contracts of one event together.
fn assess_event<'a>(
    scene: &Scene<'a>,
    markets: &[&'a Market],
    assessed: &mut Vec<Assessment<'a>>,
) -> EventScene {
    let mappings: Vec<_> = markets
        .iter()
        .filter_map(|market| scene.view.mappings.get(&market.ticker))
        .collect();
    let claims: Vec<&Claim> = mappings
        .iter()
        .filter_map(|mapping| mapping.claim.as_ref())
        .collect();
    let enterable: Vec<&Claim> = mappings
        .iter()
        .filter(|mapping| mapping.state.may_enter())
        .filter_map(|mapping| mapping.claim.as_ref())
        .collect();
    let terms = mappings.iter().find_map(|mapping| Terms::of(Some(mapping)));
    let raw: Vec<MarketPrior> = markets
        .iter()
        .map(|market| {
            let book = scene.view.books.get(&market.ticker);
            guards::fresh_book(book, scene.view.at, &scene.params.guards)
                .map_or(MarketPrior::UNKNOWN, |book| MarketPrior::from_mid(book.mid()))
        })
        .collect();
    let event = EventScene {
        board_reasons: event_board_reasons(scene, markets, terms, &claims, &enterable),
        mids_out_of_band: guards::mids_out_of_band(&raw, &scene.params.guards),
        ambiguous: is_ambiguous(scene, terms, &claims),
    };
    // A contract whose claim is not known may hold what the known claims leave.
    let all_known = mappings.len() == markets.len() && mappings.iter().all(|mapping| scene.knows(mapping));
    let nobody = terms
        .and_then(|terms| scene.outlook(terms))
        .map_or(0.0, |outlook| {
            if all_known {
                outlook.nobody(&claims)
            } else {
                outlook.unlisted()
            }
        });
    for (market, prior) in markets.iter().zip(devig(&raw, nobody)) {
        assessed.push(scene.assess(market, prior, &event));
    }
    event
}

/// Whether the winner of an event depends on the reading of the board.
fn is_ambiguous(scene: &Scene<'_>, terms: Option<Terms<'_>>, claims: &[&Claim]) -> bool {
    let (Some(terms), Some(board)) = (terms, scene.board.as_ref()) else {
        return false;
    };
    let horizon = terms.check_time.signed_duration_since(scene.view.at);
    board.ranked(terms.rules).is_some_and(|ranked| {
        guards::is_ambiguous(board.entries, ranked, horizon, claims, &scene.params.guards)
    })
}

fn event_board_reasons(
    scene: &Scene<'_>,
    markets: &[&Market],
    terms: Option<Terms<'_>>,
    claims: &[&Claim],
    enterable: &[&Claim],
) -> Vec<Reason> {
    let (Some(terms), Some(board)) = (terms, scene.board.as_ref()) else {
        return Vec::new();
    };
    let Some(ranked) = board.ranked(terms.rules) else {
        return Vec::new();
    };
    let guard = &scene.params.guards;
    let mut reasons: Vec<Reason> = guards::challenge_reason(scene.view.standing, ranked, claims)
        .into_iter()
        .collect();
    let kind = markets.first().and_then(|market| SeriesKind::of(&market.series));
    if kind.is_some_and(|kind| guards::has_unmapped_top(ranked, kind, enterable, guard)) {
        reasons.push(Reason::UnmappedTopModel);
    }
    reasons
}

/// Resting orders to withdraw: entries that what is known now forbids, and everything close to the check.
fn cancels(scene: &Scene<'_>, forbidden: &BTreeMap<&EventTicker, bool>) -> BTreeSet<ClientOrderId> {
    let rests = |order: &&Order| matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled);
    scene
        .view
        .portfolio
        .open_orders
        .values()
        .filter(rests)
        .filter(|order| must_go(scene, forbidden, order))
        .map(|order| order.client_order_id.clone())
        .collect()
}

fn must_go(scene: &Scene<'_>, forbidden: &BTreeMap<&EventTicker, bool>, order: &Order) -> bool {
    let intent = &order.intent;
    let market = scene.view.markets.get(&intent.ticker);
    let end = market.map_or(intent.check_time, |market| {
        market.close_time.min(intent.check_time)
    });
    if timing::cancels_due(scene.view.at, end, &scene.params.timing) {
        return true;
    }
    let mapping = scene.view.mappings.get(&intent.ticker);
    intent.purpose == Purpose::Entry
        && (!scene.everywhere.is_empty()
            || forbidden.get(&intent.event).copied().unwrap_or(true)
            || !mapping_reasons(mapping, Terms::of(mapping)).is_empty())
}
