//! What is at stake: per contract, event, lab and state of the world.
//!
//! Orders that may still fill count as filled at worst: in each state an open order contributes its loss, never its gain.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    BookSide, Claim, Contracts, Mapping, Market, Money, Net, Order, Outcome, Portfolio, Position, Price,
    Purpose, Ticker,
};
use chrono::{DateTime, Utc};

/// The profit of all positions of one check in one state of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePnl {
    /// The state.
    pub outcome: Outcome,
    /// Profit against cost, open orders at their worst, fees apart.
    pub pnl: Money,
}

/// Contracts at stake in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventExposure {
    /// Sum of all sizes.
    pub gross: Contracts,
    /// Size of the sum.
    pub net: Contracts,
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
fn order_pnl(order: &Order, position: Position, pays: bool) -> Money {
    let intent = &order.intent;
    let Some(after) = position.traded(intent.side, intent.limit, order.open_contracts()) else {
        return Money::ZERO;
    };
    let total = |p: Position| pnl_of(p.net, p.cost, pays).saturating_add(p.realized);
    total(after).saturating_sub(total(position))
}

/// The profit in every state of the check at `check_time`, over both series, `extra` and every open order included.
///
/// A position in a market that may belong to this check, but whose claim is not known, loses its whole cost in every
/// state.
#[must_use]
pub fn exposure_of_check(
    check_time: DateTime<Utc>,
    portfolio: &Portfolio,
    mappings: &BTreeMap<Ticker, Mapping>,
    extra: Option<&Order>,
) -> Vec<StatePnl> {
    let claims: BTreeMap<&Ticker, &Claim> = mappings
        .iter()
        .filter(|(_, mapping)| mapping.check_time == Some(check_time))
        .filter_map(|(ticker, mapping)| mapping.claim.as_ref().map(|claim| (ticker, claim)))
        .chain(
            orders_of_check(check_time, portfolio, extra)
                .map(|order| (&order.intent.ticker, &order.intent.claim)),
        )
        .collect();
    let unexplained: Money = mappings
        .iter()
        .filter(|(ticker, mapping)| {
            !claims.contains_key(ticker) && mapping.check_time.is_none_or(|at| at == check_time)
        })
        .map(|(ticker, _)| portfolio.position(ticker).cost)
        .sum();
    Outcome::all(claims.values().copied())
        .into_iter()
        .map(|outcome| {
            let held: Money = claims
                .iter()
                .map(|(ticker, claim)| {
                    let position = portfolio.position(ticker);
                    pnl_of(position.net, position.cost, claim.pays(&outcome))
                })
                .sum();
            let ordered: Money = orders_of_check(check_time, portfolio, extra)
                .map(|order| {
                    let position = portfolio.position(&order.intent.ticker);
                    order_pnl(order, position, order.intent.claim.pays(&outcome)).min(Money::ZERO)
                })
                .sum();
            StatePnl {
                outcome,
                pnl: held.saturating_add(ordered).saturating_sub(unexplained),
            }
        })
        .collect()
}

fn orders_of_check<'a>(
    check_time: DateTime<Utc>,
    portfolio: &'a Portfolio,
    extra: Option<&'a Order>,
) -> impl Iterator<Item = &'a Order> {
    portfolio
        .open_orders
        .values()
        .chain(extra)
        .filter(move |order| order.intent.check_time == check_time)
}

/// The state that loses most; `None` when there is no state.
#[must_use]
pub fn worst_state(states: &[StatePnl]) -> Option<&StatePnl> {
    states
        .iter()
        .min_by(|a, b| a.pnl.cmp(&b.pnl).then_with(|| a.outcome.cmp(&b.outcome)))
}

/// The net position of a contract if every open order on one side filled.
fn net_if_filled(portfolio: &Portfolio, ticker: &Ticker, extra: Option<&Order>, side: BookSide) -> Net {
    portfolio
        .orders_on(ticker)
        .chain(extra.filter(|order| order.intent.ticker == *ticker))
        .filter(|order| order.intent.side == side)
        .fold(portfolio.position(ticker).net, |net, order| {
            net.after(side, order.open_contracts()).unwrap_or(net)
        })
}

/// The size of a contract's position if every open order on one side filled: the larger of both sides.
pub(crate) fn worst_net(portfolio: &Portfolio, ticker: &Ticker, extra: Option<&Order>) -> Contracts {
    let size = |side| net_if_filled(portfolio, ticker, extra, side).size();
    size(BookSide::Bid).max(size(BookSide::Ask))
}

/// Contracts at stake in the event of `order`, the order included.
pub(crate) fn event_exposure(
    portfolio: &Portfolio,
    markets: &BTreeMap<Ticker, Market>,
    order: &Order,
) -> EventExposure {
    let of_event = markets
        .values()
        .filter(|market| market.event == order.intent.event)
        .map(|market| &market.ticker);
    let ordered = portfolio
        .open_orders
        .values()
        .filter(|open| open.intent.event == order.intent.event);
    let tickers: BTreeSet<&Ticker> = of_event
        .chain(ordered.map(|open| &open.intent.ticker))
        .chain(std::iter::once(&order.intent.ticker))
        .collect();
    let mut gross = Contracts::ZERO;
    let mut nets = [Net::ZERO; 2];
    for ticker in tickers {
        let worst = worst_net(portfolio, ticker, Some(order));
        gross = gross.checked_add(worst).unwrap_or(gross);
        // The sides apart: an order to buy here does not offset one to sell there before both have filled.
        for (net, side) in nets.iter_mut().zip([BookSide::Bid, BookSide::Ask]) {
            let filled = net_if_filled(portfolio, ticker, Some(order), side);
            *net = Net::from_raw(net.raw().saturating_add(filled.raw())).unwrap_or(*net);
        }
    }
    let [bought, sold] = nets.map(Net::size);
    EventExposure {
        gross,
        net: bought.max(sold),
    }
}

/// The cost of everything held and every open entry on claims that pass `wanted`, `extra` included.
pub(crate) fn cost_at_stake(
    portfolio: &Portfolio,
    mappings: &BTreeMap<Ticker, Mapping>,
    extra: &Order,
    wanted: impl Fn(Option<&Claim>) -> bool,
) -> Money {
    let held: Money = portfolio
        .positions
        .iter()
        .filter(|(ticker, _)| wanted(mappings.get(ticker).and_then(|mapping| mapping.claim.as_ref())))
        .map(|(_, position)| position.cost)
        .sum();
    let ordered: Money = portfolio
        .open_orders
        .values()
        .chain(std::iter::once(extra))
        .filter(|order| order.intent.purpose == Purpose::Entry && wanted(Some(&order.intent.claim)))
        .map(reserved)
        .sum();
    held.saturating_add(ordered)
}

/// The collateral that an open order may use: its open contracts at the price of the outcome it buys.
pub(crate) fn reserved(order: &Order) -> Money {
    let price = match order.intent.side {
        BookSide::Bid => order.intent.limit,
        BookSide::Ask => order.intent.limit.complement(),
    };
    price
        .times(order.open_contracts())
        .unwrap_or(Money::from_raw(i64::MAX).unwrap_or_default())
}
