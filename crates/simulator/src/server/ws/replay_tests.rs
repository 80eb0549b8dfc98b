//! What a reader can rebuild from the messages is what the exchange had.

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Contracts, Money, Net, Price};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;

use super::channel::Channel;
use super::feed::{Tape, batches};
use super::message::Outgoing;
use super::mischief::{Mischief, WsFault};
use super::options::WsOptions;
use super::session::Session;
use crate::exchange::{
    AccountId, AccountKind, EventListing, Exchange, FeeModel, MarketListing, NewOrder, PriceStructure,
    SeriesListing,
};

/// Nothing goes wrong.
struct Honest;

impl Mischief for Honest {
    fn with_message(&mut self, _channel: Channel, _kind: &str) -> Option<WsFault> {
        None
    }

    fn loses_reply(&mut self, _kind: &str) -> bool {
        false
    }
}

/// The sizes of one book by side and price as shown.
type Levels = BTreeMap<(String, String), i64>;

/// A reader of one book on one scale.
#[derive(Default)]
struct Reader {
    levels: Levels,
    seq: u64,
    clock: u64,
}

fn count(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<Net>().unwrap().raw()
}

impl Reader {
    fn hear(&mut self, message: &Outgoing) {
        let value: Value = serde_json::from_str(&message.text).unwrap();
        if value.get("seq").is_none() {
            return;
        }
        let seq = value["seq"].as_u64().unwrap();
        assert_eq!(seq, self.seq + 1, "no gap and no repetition");
        self.seq = seq;
        let body = &value["msg"];
        match value["type"].as_str().unwrap() {
            "orderbook_snapshot" => {
                let mut levels = Levels::new();
                for (side, key) in [("yes", "yes_dollars_fp"), ("no", "no_dollars_fp")] {
                    for level in body[key].as_array().into_iter().flatten() {
                        let price = level[0].as_str().unwrap().to_owned();
                        levels.insert((side.to_owned(), price), count(&level[1]));
                    }
                }
                assert!(
                    self.seq == 1 || levels == self.levels,
                    "a snapshot is the state at its number"
                );
                self.levels = levels;
                self.clock = body["clock"].as_u64().unwrap();
            }
            "orderbook_delta" => {
                let clock = body["clock"].as_u64().unwrap();
                assert!(clock > self.clock, "deltas after a snapshot have higher clocks");
                let key = (
                    body["side"].as_str().unwrap().to_owned(),
                    body["price_dollars"].as_str().unwrap().to_owned(),
                );
                let size = self.levels.entry(key.clone()).or_default();
                *size += count(&body["delta_fp"]);
                assert!(*size >= 0, "no level is smaller than nothing");
                if *size == 0 {
                    self.levels.remove(&key);
                }
            }
            _ => {}
        }
    }
}

fn truth(exchange: &Exchange, yes_scale: bool, ticker: &autotrader_domain::Ticker) -> Levels {
    let market = exchange.market(ticker).unwrap();
    let side = |side: BookSide| {
        market.levels(side).map(move |(price, size): (Price, Contracts)| {
            let (name, shown) = match side {
                BookSide::Bid => ("yes", price),
                BookSide::Ask if yes_scale => ("no", price),
                BookSide::Ask => ("no", price.complement()),
            };
            ((name.to_owned(), shown.to_string()), size.raw())
        })
    };
    side(BookSide::Bid).chain(side(BookSide::Ask)).collect()
}

#[derive(Debug, Clone)]
enum Act {
    Rest { bid: bool, cents: i64, hundredths: i64 },
    Take { bid: bool, cents: i64, hundredths: i64 },
    CancelAll,
    Snapshot,
    Pass,
}

fn act() -> impl Strategy<Value = Act> {
    let order = || (any::<bool>(), 1..99_i64, 1..2_000_i64);
    prop_oneof![
        6 => order().prop_map(|(bid, cents, hundredths)| Act::Rest { bid, cents, hundredths }),
        4 => order().prop_map(|(bid, cents, hundredths)| Act::Take { bid, cents, hundredths }),
        1 => Just(Act::CancelAll),
        2 => Just(Act::Snapshot),
        3 => Just(Act::Pass),
    ]
}

fn order(
    bid: bool,
    ticker: &autotrader_domain::Ticker,
    cents: i64,
    hundredths: i64,
    rests: bool,
) -> NewOrder {
    let side = if bid { BookSide::Bid } else { BookSide::Ask };
    let (count, price) = (
        Contracts::from_raw(hundredths).unwrap(),
        Price::from_raw(cents * 100).unwrap(),
    );
    if rests {
        NewOrder::resting(ticker.clone(), side, count, price)
    } else {
        NewOrder::immediate(ticker.clone(), side, count, price)
    }
}

fn start() -> DateTime<Utc> {
    "2026-09-21T12:00:00Z".parse().unwrap()
}

/// An exchange with one open market.
fn listed() -> Exchange {
    let mut exchange = Exchange::new(7, start());
    let close = start() + TimeDelta::days(7);
    let series = SeriesListing {
        ticker: "KXTOPMODEL".parse().unwrap(),
        title: "Top model".to_owned(),
        category: "Science and Technology".to_owned(),
        frequency: "weekly".to_owned(),
        tags: Vec::new(),
        settlement_sources: Vec::new(),
        fee_model: FeeModel::Quadratic,
        fee_multiplier_millionths: 1_000_000,
    };
    exchange.add_series(series, start()).unwrap();
    let event = EventListing {
        ticker: "KXTOPMODEL-26SEP28".parse().unwrap(),
        series: "KXTOPMODEL".parse().unwrap(),
        title: "Top model on Sep 28".to_owned(),
        sub_title: "On Sep 28".to_owned(),
        mutually_exclusive: true,
        strike_date: None,
    };
    exchange.add_event(event, start()).unwrap();
    let market = MarketListing {
        ticker: "KXTOPMODEL-26SEP28-AURO".parse().unwrap(),
        event: "KXTOPMODEL-26SEP28".parse().unwrap(),
        title: None,
        yes_sub_title: "aurora".to_owned(),
        no_sub_title: "aurora".to_owned(),
        rules_primary: String::new(),
        rules_secondary: String::new(),
        custom_strike: None,
        open_time: start(),
        close_time: close,
        expected_expiration_time: None,
        latest_expiration_time: close,
        settlement_timer_seconds: 1_800,
        can_close_early: true,
        early_close_condition: None,
        prices: PriceStructure::linear_cent(),
    };
    exchange.add_market(market, start()).unwrap();
    exchange
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn snapshots_and_changes_are_the_book_at_every_number(
        acts in prop::collection::vec(act(), 1..60),
        yes_scale: bool,
    ) {
        let mut exchange = listed();
        let ticker = exchange.all_markets().next().unwrap().listing.ticker.clone();
        let maker = exchange.open_account("maker", AccountKind::House, Money::dollars(1_000_000), start());
        let taker = exchange.open_account("taker", AccountKind::House, Money::dollars(1_000_000), start());
        exchange.watch();
        let mut session = Session::new(AccountId(0), &WsOptions::default());
        let mut reader = Reader::default();
        let mut tape = Tape::default();
        let subscribe = format!(
            r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta","ticker"],"market_ticker":"{ticker}","use_yes_price":{yes_scale}}}}}"#
        );
        let snapshot = format!(
            r#"{{"id":2,"cmd":"update_subscription","params":{{"sid":1,"action":"get_snapshot","market_tickers":["{ticker}"]}}}}"#
        );
        for message in session.command(&subscribe, &exchange, start(), &mut Honest) {
            reader.hear(&message);
        }
        for (at, act) in acts.into_iter().enumerate() {
            let now = start() + TimeDelta::seconds(i64::try_from(at).unwrap());
            match act {
                Act::Rest { bid, cents, hundredths } => {
                    let _ = exchange.submit(maker, order(bid, &ticker, cents, hundredths, true), now);
                }
                Act::Take { bid, cents, hundredths } => {
                    let _ = exchange.submit(taker, order(bid, &ticker, cents, hundredths, false), now);
                }
                Act::CancelAll => {
                    exchange.cancel_in_market(maker, &ticker, now);
                }
                Act::Snapshot | Act::Pass => {}
            }
            // Several changes may wait before they are told; a command is answered after all that waits.
            if !matches!(act, Act::Pass) {
                let mut messages = Vec::new();
                let events = exchange.take_feed();
                for batch in batches(&exchange, events, &mut tape, now, false) {
                    for item in &batch.items {
                        session.deliver(item, now, &mut Honest, &mut messages);
                    }
                }
                if matches!(act, Act::Snapshot) {
                    messages.extend(session.command(&snapshot, &exchange, now, &mut Honest));
                }
                for message in &messages {
                    reader.hear(message);
                }
                prop_assert_eq!(&reader.levels, &truth(&exchange, yes_scale, &ticker));
            }
        }
    }
}
