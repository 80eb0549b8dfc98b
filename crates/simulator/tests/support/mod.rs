//! A small exchange for tests: one whole-cent market of each fee model and one in tenths of a cent.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must fail the test at once"
)]

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Contracts, Money, Price, Ticker};
use autotrader_simulator::exchange::{
    AccountId, AccountKind, EventListing, Exchange, FeeModel, MarketListing, NewOrder, PriceStructure,
    SeriesListing, SettlementSource,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The model market without maker fees.
pub const TOP: &str = "KXTOPMODEL-26SEP28-AURO";
/// Its sibling.
pub const TOP_B: &str = "KXTOPMODEL-26SEP28-BORE";
/// The company market with maker fees, priced in tenths of a cent.
pub const LLM: &str = "KXLLM1-26SEP28-NORT";

/// The start of every test: 2026-09-21 12:00:00 UTC.
pub fn start() -> DateTime<Utc> {
    "2026-09-21T12:00:00Z".parse().unwrap()
}

/// Seconds after the start.
pub fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// When the markets close.
pub fn close() -> DateTime<Utc> {
    "2026-09-28T14:00:00Z".parse().unwrap()
}

pub fn t(ticker: &str) -> Ticker {
    ticker.parse().unwrap()
}

pub fn p(price: &str) -> Price {
    price.parse().unwrap()
}

pub fn c(count: &str) -> Contracts {
    count.parse().unwrap()
}

pub fn m(money: &str) -> Money {
    money.parse().unwrap()
}

fn series(ticker: &str, fee_model: FeeModel) -> SeriesListing {
    SeriesListing {
        ticker: ticker.parse().unwrap(),
        title: format!("Series {ticker}"),
        category: "Science and Technology".to_owned(),
        frequency: "weekly".to_owned(),
        tags: vec!["AI".to_owned()],
        settlement_sources: vec![SettlementSource {
            name: "Leaderboard".to_owned(),
            url: "http://127.0.0.1/leaderboard/text/overall-no-style-control".to_owned(),
        }],
        fee_model,
        fee_multiplier_millionths: 1_000_000,
    }
}

pub fn market(ticker: &str, event: &str, prices: PriceStructure) -> MarketListing {
    MarketListing {
        ticker: t(ticker),
        event: event.parse().unwrap(),
        title: None,
        yes_sub_title: "aurora-4-thinking".to_owned(),
        no_sub_title: "aurora-4-thinking".to_owned(),
        rules_primary:
            "If aurora-4-thinking is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the \
                        market resolves to Yes."
                .to_owned(),
        rules_secondary: String::new(),
        custom_strike: Some(BTreeMap::from([(
            "Model".to_owned(),
            "aurora-4-thinking".to_owned(),
        )])),
        open_time: start(),
        close_time: close(),
        expected_expiration_time: Some(close()),
        latest_expiration_time: close() + TimeDelta::days(7),
        settlement_timer_seconds: 1_800,
        can_close_early: true,
        early_close_condition: None,
        prices,
    }
}

/// An exchange with two series, two events and three open markets.
pub fn exchange() -> Exchange {
    let mut exchange = Exchange::new(7, start());
    for (name, model) in [
        ("KXTOPMODEL", FeeModel::Quadratic),
        ("KXLLM1", FeeModel::QuadraticWithMakerFees),
    ] {
        exchange.add_series(series(name, model), start()).unwrap();
        let event = EventListing {
            ticker: format!("{name}-26SEP28").parse().unwrap(),
            series: name.parse().unwrap(),
            title: format!("Event of {name}"),
            sub_title: "On Sep 28".to_owned(),
            mutually_exclusive: true,
            strike_date: Some(close()),
        };
        exchange.add_event(event, start()).unwrap();
    }
    exchange
        .add_market(market(TOP, "KXTOPMODEL-26SEP28", cents()), start())
        .unwrap();
    exchange
        .add_market(market(TOP_B, "KXTOPMODEL-26SEP28", cents()), start())
        .unwrap();
    exchange
        .add_market(
            market(LLM, "KXLLM1-26SEP28", PriceStructure::deci_cent()),
            start(),
        )
        .unwrap();
    exchange
}

pub fn member(exchange: &mut Exchange, name: &str, dollars: i32) -> AccountId {
    exchange.open_account(name, AccountKind::Member, Money::dollars(dollars), start())
}

pub fn bid(ticker: &str, count: &str, price: &str) -> NewOrder {
    NewOrder::resting(t(ticker), BookSide::Bid, c(count), p(price))
}

pub fn ask(ticker: &str, count: &str, price: &str) -> NewOrder {
    NewOrder::resting(t(ticker), BookSide::Ask, c(count), p(price))
}

/// The same order, taking what is there and cancelling the rest.
pub fn ioc(order: NewOrder) -> NewOrder {
    NewOrder::immediate(order.ticker, order.side, order.count, order.price)
}

/// The whole-cent grid.
pub fn cents() -> PriceStructure {
    PriceStructure::linear_cent()
}
