//! What is left to spend and to hold while sizes are given out.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, EventTicker, Liquidity, MarketView, Money, Order, Purpose};

use super::contract::Assessment;
use crate::edge::outcome_price;
use crate::params::Params;
use crate::sizing::{Entry, Room};

/// What is left to spend and to hold while sizes are given out.
pub(super) struct Budget<'a> {
    cash: Money,
    /// Cash and positions at what the books pay for them.
    pub(super) wealth: Money,
    events: BTreeMap<&'a EventTicker, Contracts>,
    labs: BTreeMap<&'a str, Money>,
}

impl<'a> Budget<'a> {
    /// Open orders count as filled; what an exit would free does not count before it is confirmed.
    pub(super) fn new(view: &MarketView<'a>, params: &Params) -> Self {
        let mut budget = Self {
            cash: view.portfolio.cash,
            wealth: view.portfolio.cash,
            events: BTreeMap::new(),
            labs: BTreeMap::new(),
        };
        for (ticker, position) in &view.portfolio.positions {
            let mark = view.books.get(ticker).and_then(|book| book.mark(position.net));
            if let Some(worth) = mark.and_then(|price| price.times(position.net.size())) {
                budget.wealth = budget.wealth.saturating_add(worth);
            }
            if let Some(market) = view.markets.get(ticker) {
                budget.hold(&market.event, position.net.size());
            }
            let claim = view
                .mappings
                .get(ticker)
                .and_then(|mapping| mapping.claim.as_ref());
            budget.stake(claim.and_then(|claim| claim.organization()), position.cost);
        }
        for order in view.portfolio.open_orders.values() {
            if order.intent.purpose == Purpose::Entry {
                budget.hold(&order.intent.event, order.open_contracts());
                budget.cash = budget.cash.saturating_sub(reserve(order, params));
                budget.stake(order.intent.claim.organization(), at_limit(order));
            }
        }
        budget
    }

    fn hold(&mut self, event: &'a EventTicker, contracts: Contracts) {
        let sum = self.events.entry(event).or_insert(Contracts::ZERO);
        *sum = sum.checked_add(contracts).unwrap_or(*sum);
    }

    fn stake(&mut self, lab: Option<&'a str>, cost: Money) {
        if let Some(lab) = lab {
            let sum = self.labs.entry(lab).or_insert(Money::ZERO);
            *sum = sum.saturating_add(cost);
        }
    }

    /// The room that replacing a resting order would leave.
    pub(super) fn room_without(&self, order: &Order, assessment: &Assessment<'a>, params: &Params) -> Room {
        let room = self.room(assessment, params);
        let held = self.held(assessment).saturating_sub(order.open_contracts());
        Room {
            event: params.sizing.max_position_per_event.saturating_sub(held),
            lab: room.lab.saturating_add(at_limit(order)),
            cash: room.cash.saturating_add(reserve(order, params)),
            ..room
        }
    }

    /// The room that an entry has.
    pub(super) fn room(&self, assessment: &Assessment<'a>, params: &Params) -> Room {
        let sizing = &params.sizing;
        let lab = assessment.terms.and_then(|terms| terms.claim.organization());
        let staked = lab.and_then(|lab| self.labs.get(lab).copied());
        Room {
            contract: sizing
                .max_position_per_contract
                .saturating_sub(assessment.net.size()),
            event: sizing
                .max_position_per_event
                .saturating_sub(self.held(assessment)),
            lab: sizing
                .max_lab_exposure
                .saturating_sub(staked.unwrap_or(Money::ZERO))
                .max(Money::ZERO),
            cash: self.cash,
        }
    }

    fn held(&self, assessment: &Assessment<'_>) -> Contracts {
        let held = self.events.get(&assessment.market.event).copied();
        held.unwrap_or(Contracts::ZERO)
    }

    /// Takes an entry out of what is left.
    pub(super) fn take(&mut self, assessment: &Assessment<'a>, entry: &Entry) {
        let spent = entry.edge.cost.saturating_add(entry.edge.fees);
        self.cash = self.cash.saturating_sub(spent);
        self.hold(&assessment.market.event, entry.contracts);
        let lab = assessment.terms.and_then(|terms| terms.claim.organization());
        self.stake(lab, spent);
    }
}

/// What the open part of an order costs at its limit, fees apart.
fn at_limit(order: &Order) -> Money {
    let price = outcome_price(order.intent.side, order.intent.limit);
    price.times(order.open_contracts()).unwrap_or(Money::ZERO)
}

/// The collateral that the open part of an order may still take, fee included.
fn reserve(order: &Order, params: &Params) -> Money {
    let intent = &order.intent;
    let fee = intent.fees.fee(
        Liquidity::Taker,
        intent.limit,
        order.open_contracts(),
        params.fee_rounding,
    );
    at_limit(order).saturating_add(fee.unwrap_or(Money::ZERO))
}
