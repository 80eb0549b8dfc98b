//! What one check pays in every state of the world: the one computation behind the worst-state cap and `scenario`.
//!
//! Profit is against cost, fees apart. An order that may still fill counts as filled at worst: in each state it contributes
//! its loss, never its gain. A contract of which a state does not say whether it pays counts at the worse of both.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Claim, Mapping, MappingState, Money, Net, Order, Outcome, Portfolio, Position, Price, Reason, Ticker,
    TieTerms,
};
use chrono::{DateTime, Utc};

use crate::exposure::reserved;

/// The profit of all positions of one check in one state of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePnl {
    /// Which model wins; in a tie, the one that rules which break ties would name.
    pub outcome: Outcome,
    /// Whether models of different organisations share the top, where the rules of some contract leave that standing.
    pub tie: bool,
    /// Profit against cost, open orders at their worst, fees apart.
    pub pnl: Money,
}

/// What a state says of one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payoff {
    Pays,
    PaysNot,
    Either,
}

/// What a contract is worth to us if it pays, or if it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Worth {
    /// Profit of what is held.
    pub(crate) held: Money,
    /// Loss of the open orders that would lose; zero or less.
    pub(crate) ordered: Money,
}

impl Worth {
    pub(crate) const fn total(self) -> Money {
        self.held.saturating_add(self.ordered)
    }
}

/// One contract of the check.
#[derive(Debug)]
pub(crate) struct Contract<'a> {
    pub(crate) ticker: &'a Ticker,
    /// What it pays on: more than one claim when an open order was decided on another than is known now.
    pub(crate) claims: Vec<&'a Claim>,
    pub(crate) mapping: Option<&'a Mapping>,
    tie: TieTerms,
    pub(crate) position: Position,
    pub(crate) orders: Vec<&'a Order>,
    paid: Worth,
    unpaid: Worth,
}

impl<'a> Contract<'a> {
    fn new(
        ticker: &'a Ticker,
        claims: Vec<&'a Claim>,
        orders: Vec<&'a Order>,
        portfolio: &Portfolio,
        mappings: &'a BTreeMap<Ticker, Mapping>,
    ) -> Self {
        let mapping = mappings.get(ticker);
        let position = portfolio.position(ticker);
        let worth = |pays| Worth {
            held: pnl_of(position.net, position.cost, pays),
            ordered: orders
                .iter()
                .map(|order| order_change(order, position, pays).min(Money::ZERO))
                .sum(),
        };
        Self {
            ticker,
            claims,
            mapping,
            tie: mapping.map_or(TieTerms::Unknown, Mapping::tie_terms),
            position,
            paid: worth(true),
            unpaid: worth(false),
            orders,
        }
    }

    pub(crate) fn is_at_stake(&self) -> bool {
        !self.position.net.is_flat() || !self.orders.is_empty()
    }

    pub(crate) const fn tie_terms(&self) -> TieTerms {
        self.tie
    }

    /// Whether the board renamed the model, or the exchange changed the contract's words, and nobody has decided yet what that
    /// means.
    pub(crate) fn is_frozen(&self) -> bool {
        self.is_renamed() || self.has_unread_terms()
    }

    fn is_renamed(&self) -> bool {
        self.mapping
            .is_some_and(|mapping| mapping.state == MappingState::Renamed)
    }

    /// Whether it says something else than when it was entered: what it pays is not known in any state.
    fn has_unread_terms(&self) -> bool {
        self.mapping
            .is_some_and(|mapping| mapping.reasons.contains(&Reason::TermsChanged))
    }

    pub(crate) fn is_on_model(&self, name: &str) -> bool {
        self.claims
            .iter()
            .any(|claim| matches!(claim, Claim::Model { model_name, .. } if model_name == name))
    }

    fn payoff(&self, state: &State<'_>) -> Payoff {
        if self.has_unread_terms() {
            return Payoff::Either;
        }
        match (state.tie, self.tie) {
            (true, TieTerms::PaysNobody) => return Payoff::PaysNot,
            (true, TieTerms::Unknown) => return Payoff::Either,
            (true, TieTerms::Broken) | (false, _) => {}
        }
        if state.renamed.is_some_and(|name| self.is_on_model(name))
            || (self.is_renamed() && self.may_be_renamed_winner(state.outcome))
        {
            return Payoff::Either;
        }
        let paying = self
            .claims
            .iter()
            .filter(|claim| claim.pays(state.outcome))
            .count();
        match paying {
            0 => Payoff::PaysNot,
            all if all == self.claims.len() => Payoff::Pays,
            _ => Payoff::Either,
        }
    }

    /// Whether the winner may be the model that this frozen contract names by its old name: by its new name, or as a model
    /// of its lab that no contract names.
    fn may_be_renamed_winner(&self, outcome: &Outcome) -> bool {
        let new_name = self.mapping.and_then(Mapping::renamed_to);
        self.claims.iter().any(|claim| match &outcome.model_name {
            Some(winner) => new_name == Some(winner),
            None => claim
                .organization()
                .is_none_or(|lab| outcome.organization.as_deref() == Some(lab)),
        })
    }

    /// The worse and the better end of what it is worth in a state, and whether it pays at the worse end.
    fn ends(&self, state: &State<'_>) -> (Worth, Worth, bool) {
        match self.payoff(state) {
            Payoff::Pays => (self.paid, self.paid, true),
            Payoff::PaysNot => (self.unpaid, self.unpaid, false),
            Payoff::Either if self.paid.total() < self.unpaid.total() => (self.paid, self.unpaid, true),
            Payoff::Either => (self.unpaid, self.paid, false),
        }
    }

    pub(crate) fn pays_at_worst(&self, state: &State<'_>) -> bool {
        self.ends(state).2
    }
}

/// A state of the world to be valued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State<'o> {
    pub(crate) outcome: &'o Outcome,
    pub(crate) tie: bool,
    /// A model that was renamed just before: contracts on its name may pay or not.
    pub(crate) renamed: Option<&'o str>,
}

impl<'o> State<'o> {
    pub(crate) const fn of(outcome: &'o Outcome, tie: bool) -> Self {
        Self {
            outcome,
            tie,
            renamed: None,
        }
    }
}

/// What a check is worth in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Total {
    /// What is held, the unexplained positions lost.
    pub(crate) held: Money,
    /// With the open orders at their worst: what the cap looks at.
    pub(crate) worst: Money,
    /// The same with every contract of which the state does not say whether it pays at its better end.
    pub(crate) best: Money,
}

/// Everything of one check, ready to be valued in any state.
#[derive(Debug)]
pub(crate) struct CheckStates<'a> {
    pub(crate) contracts: Vec<Contract<'a>>,
    /// Positions that may belong to the check and whose claim is not known, with their cost.
    pub(crate) unexplained: Vec<(&'a Ticker, Money)>,
}

impl<'a> CheckStates<'a> {
    pub(crate) fn new(
        check_time: DateTime<Utc>,
        portfolio: &'a Portfolio,
        mappings: &'a BTreeMap<Ticker, Mapping>,
        extra: Option<&'a Order>,
    ) -> Self {
        let mut found: BTreeMap<&Ticker, (Vec<&Claim>, Vec<&Order>)> = BTreeMap::new();
        for (ticker, mapping) in mappings {
            if let (true, Some(claim)) = (mapping.check_time == Some(check_time), &mapping.claim) {
                found.entry(ticker).or_default().0.push(claim);
            }
        }
        let open = portfolio.open_orders.values().chain(extra);
        for order in open.filter(|order| order.intent.check_time == check_time) {
            let (claims, orders) = found.entry(&order.intent.ticker).or_default();
            orders.push(order);
            if !claims.contains(&&order.intent.claim) {
                claims.push(&order.intent.claim);
            }
        }
        let unexplained = portfolio
            .positions
            .iter()
            .filter(|(ticker, position)| {
                !position.net.is_flat()
                    && !found.contains_key(ticker)
                    && may_belong(ticker, check_time, portfolio, mappings)
            })
            .map(|(ticker, position)| (ticker, position.cost))
            .collect();
        let contracts = found
            .into_iter()
            .map(|(ticker, (claims, orders))| Contract::new(ticker, claims, orders, portfolio, mappings))
            .collect();
        Self {
            contracts,
            unexplained,
        }
    }

    /// Every winner that the contracts tell apart, in a fixed order.
    ///
    /// A model whose lab is not known may belong to any of the labs that are named.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let claims = self
            .contracts
            .iter()
            .flat_map(|contract| contract.claims.iter().copied());
        let all = Outcome::all(claims);
        if !all
            .iter()
            .any(|outcome| outcome.model_name.is_some() && outcome.organization.is_none())
        {
            return all;
        }
        let labs: BTreeSet<String> = all
            .iter()
            .filter_map(|outcome| outcome.organization.clone())
            .collect();
        let mut states: BTreeSet<Outcome> = BTreeSet::new();
        for outcome in all {
            if outcome.model_name.is_some() && outcome.organization.is_none() {
                states.extend(labs.iter().map(|lab| Outcome {
                    organization: Some(lab.clone()),
                    ..outcome.clone()
                }));
            }
            states.insert(outcome);
        }
        states.into_iter().collect()
    }

    /// Whether something at stake is paid differently when organisations tie.
    pub(crate) fn has_tie(&self) -> bool {
        self.contracts
            .iter()
            .any(|contract| contract.is_at_stake() && contract.tie != TieTerms::Broken)
    }

    pub(crate) fn total(&self, state: &State<'_>) -> Total {
        let mut total = Total::default();
        for contract in self.contracts.iter().filter(|contract| contract.is_at_stake()) {
            let (worse, better, _) = contract.ends(state);
            total.held = total.held.saturating_add(worse.held);
            total.worst = total.worst.saturating_add(worse.total());
            total.best = total.best.saturating_add(better.total());
        }
        let lost: Money = self.unexplained.iter().map(|(_, cost)| *cost).sum();
        Total {
            held: total.held.saturating_sub(lost),
            worst: total.worst.saturating_sub(lost),
            best: total.best.saturating_sub(lost),
        }
    }

    pub(crate) fn pnls(&self) -> Vec<StatePnl> {
        let outcomes = self.outcomes();
        let value = |tie| {
            move |outcome: Outcome| {
                let pnl = self.total(&State::of(&outcome, tie)).worst;
                StatePnl { outcome, tie, pnl }
            }
        };
        let ties = if self.has_tie() {
            outcomes.clone()
        } else {
            Vec::new()
        };
        let untied = outcomes.into_iter().map(value(false));
        untied.chain(ties.into_iter().map(value(true))).collect()
    }
}

/// Whether a position without a claim may belong to a check: its own is not known, or is this one.
fn may_belong(
    ticker: &Ticker,
    check_time: DateTime<Utc>,
    portfolio: &Portfolio,
    mappings: &BTreeMap<Ticker, Mapping>,
) -> bool {
    match mappings.get(ticker) {
        Some(mapping) => mapping.check_time.is_none_or(|at| at == check_time),
        // Not on any list that was read: an open order on it tells its check, and nothing else does.
        None => portfolio.orders_on(ticker).next().is_none(),
    }
}

/// The profit of a holding in one state: what the outcome held pays, minus what it cost.
fn pnl_of(net: Net, cost: Money, pays: bool) -> Money {
    let wins = if net.raw() >= 0 { pays } else { !pays };
    let payout = if wins {
        Price::ONE.times(net.size()).unwrap_or(Money::ZERO)
    } else {
        Money::ZERO
    };
    payout.saturating_sub(cost)
}

/// What an order would add to the profit in one state if it filled whole at its limit.
///
/// The change is linear in what fills, so that nothing or all of it is the worst.
pub(crate) fn order_change(order: &Order, position: Position, pays: bool) -> Money {
    let intent = &order.intent;
    let Some(after) = position.traded(intent.side, intent.limit, order.open_contracts()) else {
        // Beyond every sum of money: it may lose all that it reserves.
        return reserved(order).negated();
    };
    let total = |p: Position| pnl_of(p.net, p.cost, pays).saturating_add(p.realized);
    total(after).saturating_sub(total(position))
}

/// The profit in every state of the check at `check_time`, over both series, `extra` and every open order included.
///
/// - Each listed model wins, an unlisted model of each lab wins, or nobody whom a contract names.
/// - Where something at stake is not paid by rules that break every tie, each of these again as a tie between labs.
/// - A contract whose model the board renamed, or of which claims contradict each other, counts at the worse end where the
///   state does not decide.
/// - A position that may belong to this check, but whose claim or market is not known, loses its whole cost in every state.
#[must_use]
pub fn exposure_of_check(
    check_time: DateTime<Utc>,
    portfolio: &Portfolio,
    mappings: &BTreeMap<Ticker, Mapping>,
    extra: Option<&Order>,
) -> Vec<StatePnl> {
    CheckStates::new(check_time, portfolio, mappings, extra).pnls()
}

/// The state that loses most; of equal ones the first in the order of states. `None` when there is no state.
#[must_use]
pub fn worst_state(states: &[StatePnl]) -> Option<&StatePnl> {
    states.iter().min_by(|a, b| {
        a.pnl
            .cmp(&b.pnl)
            .then_with(|| a.tie.cmp(&b.tie))
            .then_with(|| a.outcome.cmp(&b.outcome))
    })
}
