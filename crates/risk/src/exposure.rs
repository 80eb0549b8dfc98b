//! What is at stake per contract, event and lab. Orders that may still fill count as filled at worst.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    BookSide, Claim, Contracts, Mapping, Market, Money, Net, Order, Portfolio, Purpose, Ticker,
};

/// Contracts at stake in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventExposure {
    /// Sum of all sizes.
    pub gross: Contracts,
    /// Size of the sum.
    pub net: Contracts,
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
