//! One evaluation: every contract is judged, then sizes are given out in the order of edges.

mod contract;
mod outlook;
mod tending;

pub(crate) use contract::Terms;
pub(crate) use outlook::Estimators;

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Action, Book, Claim, ClientOrderId, CoherenceFinding, Contracts, Evaluation, EventTicker, Intent,
    Liquidity, Market, MarketView, Money, Net, Order, OrderState, Purpose, Reason, Ticker, TimeInForce, Why,
};
use contract::{Assessment, Candidate, EventScene, Scene, mapping_reasons};
use outlook::BoardView;

use crate::coherence;
use crate::edge::FeeTerms;
use crate::guards;
use crate::mapping::SeriesKind;
use crate::params::Params;
use crate::pool;
use crate::prior::{MarketPrior, devig};
use crate::resting::{self, Life};
use crate::sizing::{Demand, Entry, Room, size_entry};
use crate::timing;
use crate::why;

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
            Some(outlook.value(claim).fair)
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
        Some(board.as_ref()?.outlook(rules, check)?.value(claim).fair)
    })
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
    let horizon = terms.check_time.signed_duration_since(scene.view.at);
    let mut reasons: Vec<Reason> = guards::challenge_reason(scene.view.standing, ranked, claims)
        .into_iter()
        .collect();
    if guards::is_ambiguous(board.entries, ranked, horizon, claims, guard) {
        reasons.push(Reason::AmbiguousWinner);
    }
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

/// What is left to spend and to hold while sizes are given out.
struct Budget<'a> {
    cash: Money,
    wealth: Money,
    events: BTreeMap<&'a EventTicker, Contracts>,
}

impl<'a> Budget<'a> {
    /// Open orders count as filled; what an exit would free does not count before it is confirmed.
    fn new(view: &MarketView<'a>, params: &Params) -> Self {
        let mut events: BTreeMap<&EventTicker, Contracts> = BTreeMap::new();
        let mut hold = |event: &'a EventTicker, contracts: Contracts| {
            let sum = events.entry(event).or_insert(Contracts::ZERO);
            *sum = sum.checked_add(contracts).unwrap_or(*sum);
        };
        let mut wealth = view.portfolio.cash;
        for (ticker, position) in &view.portfolio.positions {
            let mark = view.books.get(ticker).and_then(|book| book.mark(position.net));
            if let Some(worth) = mark.and_then(|price| price.times(position.net.size())) {
                wealth = wealth.saturating_add(worth);
            }
            if let Some(market) = view.markets.get(ticker) {
                hold(&market.event, position.net.size());
            }
        }
        let mut cash = view.portfolio.cash;
        for order in view.portfolio.open_orders.values() {
            if order.intent.purpose == Purpose::Entry {
                hold(&order.intent.event, order.open_contracts());
                cash = cash.saturating_sub(reserve(order, params));
            }
        }
        Self { cash, wealth, events }
    }

    /// The room that replacing a resting order would leave.
    fn room_without(&self, order: &Order, assessment: &Assessment<'_>, params: &Params) -> Room {
        let room = self.room(assessment, params);
        let event = self.events.get(&assessment.market.event).copied();
        let others = event
            .unwrap_or(Contracts::ZERO)
            .saturating_sub(order.open_contracts());
        Room {
            event: params.sizing.max_position_per_event.saturating_sub(others),
            cash: room.cash.saturating_add(reserve(order, params)),
            ..room
        }
    }

    fn room(&self, assessment: &Assessment<'_>, params: &Params) -> Room {
        let held = assessment.net.size();
        let event = self.events.get(&assessment.market.event).copied();
        Room {
            held,
            contract: params.sizing.max_position_per_contract.saturating_sub(held),
            event: params
                .sizing
                .max_position_per_event
                .saturating_sub(event.unwrap_or(Contracts::ZERO)),
            cash: self.cash,
            wealth: self.wealth,
        }
    }

    fn take(&mut self, event: &'a EventTicker, entry: &Entry) {
        let spent = entry.edge.cost.saturating_add(entry.edge.fees);
        self.cash = self.cash.saturating_sub(spent);
        let held = self.events.entry(event).or_insert(Contracts::ZERO);
        *held = held.checked_add(entry.contracts).unwrap_or(*held);
    }
}

/// The collateral that the open part of an order may still take, fee included.
fn reserve(order: &Order, params: &Params) -> Money {
    let open = order.open_contracts();
    let intent = &order.intent;
    let cost = crate::edge::outcome_price(intent.side, intent.limit).times(open);
    let fee = intent
        .fees
        .fee(Liquidity::Taker, intent.limit, open, params.fee_rounding);
    cost.unwrap_or(Money::ZERO)
        .saturating_add(fee.unwrap_or(Money::ZERO))
}

/// What was decided on all contracts.
struct Decided {
    intents: Vec<Intent>,
    withdrawn: Vec<ClientOrderId>,
    refreshed: Vec<ClientOrderId>,
    why: Vec<Why>,
}

/// Gives out sizes, exits first and then entries by edge, and writes one line for every contract.
fn decide<'a>(strategy: &'static str, scene: &Scene<'a>, assessed: Vec<Assessment<'a>>) -> Decided {
    let mut budget = Budget::new(scene.view, scene.params);
    let mut ranked: Vec<(f64, Assessment<'a>)> = assessed
        .into_iter()
        .map(|assessment| (value_of(&assessment), assessment))
        .collect();
    ranked.sort_by(|(a, first), (b, second)| {
        let exits = second.exit.is_some().cmp(&first.exit.is_some());
        exits
            .then_with(|| b.total_cmp(a))
            .then_with(|| first.market.ticker.cmp(&second.market.ticker))
    });
    let (mut intents, mut withdrawn, mut refreshed) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines: BTreeMap<&Ticker, Why> = BTreeMap::new();
    for (_, mut assessment) in ranked {
        let decision = match assessment.resting {
            Some(order) => {
                let id = order.client_order_id.clone();
                let (tended, decision) = tending::tend(scene, order, &mut assessment, &budget);
                match tended {
                    Life::Keep => {}
                    Life::Renew | Life::Reprice | Life::Resize => refreshed.push(id),
                    Life::MakeWay | Life::Withdraw(_) => withdrawn.push(id),
                }
                decision
            }
            None => decide_one(scene, &mut assessment, &mut budget),
        };
        intents.extend(intent(strategy, scene, &assessment, &decision));
        lines.insert(&assessment.market.ticker, line(scene, assessment, decision));
    }
    Decided {
        intents,
        withdrawn,
        refreshed,
        why: lines.into_values().collect(),
    }
}

fn value_of(assessment: &Assessment<'_>) -> f64 {
    match (&assessment.exit, &assessment.candidate) {
        (Some(exit), _) => exit.advantage,
        (None, Some(candidate)) => candidate.edge,
        (None, None) => f64::NEG_INFINITY,
    }
}

/// What becomes of one contract.
struct Decision {
    action: Action,
    target: Option<Net>,
    entry: Option<(Candidate, Entry)>,
}

impl Decision {
    const fn hold(target: Option<Net>) -> Self {
        Self {
            action: Action::Hold,
            target,
            entry: None,
        }
    }
}

fn decide_one<'a>(scene: &Scene<'a>, assessment: &mut Assessment<'a>, budget: &mut Budget<'a>) -> Decision {
    if let Some(exit) = &assessment.exit {
        return Decision {
            action: Action::Exit {
                side: exit.side,
                contracts: exit.contracts,
                limit: exit.limit,
            },
            target: assessment.net.after(exit.side, exit.contracts),
            entry: None,
        };
    }
    let (Some(candidate), Some(book), true) = (
        assessment.candidate,
        assessment.book,
        assessment.reasons.is_empty(),
    ) else {
        return Decision::hold(None);
    };
    let opposite = assessment.net.reduced_by(candidate.side, Contracts::whole(1));
    if !opposite.is_zero() {
        // The other outcome is held and not worth selling yet: it is kept, never hedged by the opposite one.
        assessment.reasons.push(Reason::AtTarget);
        return Decision::hold(Some(assessment.net));
    }
    let room = budget.room(assessment, scene.params);
    match size(scene, assessment, candidate, book, &room) {
        Ok(entry) => {
            budget.take(&assessment.market.event, &entry);
            assessment.reasons.push(entry.bound);
            Decision {
                action: Action::Enter {
                    side: candidate.side,
                    contracts: entry.contracts,
                    limit: entry.limit,
                },
                target: assessment.net.after(candidate.side, entry.contracts),
                entry: Some((candidate, entry)),
            }
        }
        Err(reason) => {
            assessment.reasons.push(reason);
            Decision::hold((reason == Reason::AtTarget).then_some(assessment.net))
        }
    }
}

/// Sizes the better side, taking or resting.
fn size(
    scene: &Scene<'_>,
    assessment: &Assessment<'_>,
    candidate: Candidate,
    book: &Book,
    room: &Room,
) -> Result<Entry, Reason> {
    let demand = Demand {
        yes: candidate.yes,
        side: candidate.side,
        fraction: scene.params.sizing.kelly_fraction,
        min_edge: scene.params.min_edge_after_fees.probability(),
        min_order: scene.params.sizing.min_order,
        max_order: scene.params.sizing.max_order,
        fees: FeeTerms {
            schedule: assessment.market.fees,
            rounding: scene.params.fee_rounding,
        },
    };
    match candidate.rests_at {
        None => size_entry(book, &demand, room),
        Some(limit) => {
            // An order that could not rest long enough to be worth it is not made.
            scene
                .expiry(assessment)
                .ok_or(Reason::TooCloseToCheck)
                .and_then(|_| resting::size_resting(limit, &demand, room))
        }
    }
}

fn intent(
    strategy: &'static str,
    scene: &Scene<'_>,
    assessment: &Assessment<'_>,
    decision: &Decision,
) -> Option<Intent> {
    let terms = assessment.terms?;
    let (side, contracts, limit, purpose) = match decision.action {
        Action::Hold => return None,
        Action::Enter {
            side,
            contracts,
            limit,
        } => (side, contracts, limit, Purpose::Entry),
        Action::Exit {
            side,
            contracts,
            limit,
        } => (side, contracts, limit, Purpose::Exit),
    };
    let figures = why::Figures {
        fair: assessment.value.map(|value| value.fair),
        market: assessment.market_probability,
        pooled: assessment.pooled,
    };
    let rests = decision
        .entry
        .as_ref()
        .is_some_and(|(candidate, _)| candidate.rests_at.is_some());
    let rationale = match (&decision.entry, &assessment.exit) {
        (Some((candidate, entry)), _) => {
            let style = if rests {
                why::Style::Rests
            } else {
                why::Style::Takes
            };
            why::entry_sentence(&figures, candidate.yes, side, entry, scene.fresh, style)
        }
        (None, Some(exit)) => why::exit_sentence(&figures, exit),
        (None, None) => return None,
    };
    let time_in_force = if rests {
        TimeInForce::GoodTillCanceled {
            // Without an end there is no order: one that outlives us is never made.
            expires_at: Some(scene.expiry(assessment)?),
        }
    } else {
        TimeInForce::ImmediateOrCancel
    };
    let edge = match (&decision.entry, &assessment.exit) {
        (Some((_, entry)), _) => entry.edge.expected(),
        (None, Some(exit)) => exit.expected(),
        (None, None) => return None,
    };
    Some(Intent {
        ticker: assessment.market.ticker.clone(),
        event: assessment.market.event.clone(),
        series: assessment.market.series.clone(),
        claim: terms.claim.clone(),
        side,
        contracts,
        limit,
        time_in_force,
        purpose,
        fees: assessment.market.fees,
        check_time: terms.check_time,
        post_only: rests,
        edge,
        strategy: strategy.to_owned(),
        rationale,
    })
}

fn line(scene: &Scene<'_>, assessment: Assessment<'_>, decision: Decision) -> Why {
    let edge = match (&decision.entry, &assessment.exit, &assessment.candidate) {
        (Some((_, entry)), _, _) => Some(entry.edge.per_contract),
        (None, Some(exit), _) => Some(exit.advantage),
        (None, None, candidate) => candidate.map(|candidate| candidate.edge),
    };
    let mut reasons = assessment.reasons.into_iter();
    Why {
        ticker: assessment.market.ticker.clone(),
        at: scene.view.at,
        fair: assessment.value.map(|value| value.fair),
        market: assessment.market_probability,
        pooled: assessment.pooled,
        edge,
        target: decision.target,
        position: assessment.net,
        action: decision.action,
        reason: reasons.next(),
        next_reason: reasons.next(),
        baselines: assessment.baselines,
        wanted: None,
    }
}
