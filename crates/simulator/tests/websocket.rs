//! The WebSocket surface over loopback: handshake, commands, sequences, books that can be rebuilt.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use autotrader_simulator::Faults;
use net::{Reader, Served, connect, serve, serve_with};
use serde_json::{Value, json};
use support::*;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{connect_async, tungstenite};

fn subscribe(id: u64, channels: &[&str], tickers: &[&str]) -> Value {
    let mut params = json!({ "channels": channels });
    if !tickers.is_empty() {
        params["market_tickers"] = json!(tickers);
    }
    json!({ "id": id, "cmd": "subscribe", "params": params })
}

/// A request moves the world's news out to the readers.
async fn nudge(served: &Served) {
    assert_eq!(served.get("/exchange/status").await.status, 200);
}

#[tokio::test]
async fn the_handshake_needs_a_signature() {
    let served = serve().await;
    let request = served.handle.websocket_url().into_client_request().unwrap();
    let refused = connect_async(request).await.unwrap_err();
    match refused {
        tungstenite::Error::Http(response) => assert_eq!(response.status(), 401),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_channel_is_acknowledged_with_its_own_sid_and_books_start_with_a_snapshot() {
    let served = serve().await;
    let maker = served.maker;
    served.exchange(|x| {
        x.submit(maker, bid(TOP, "3", "0.47"), start()).unwrap();
        x.submit(maker, ask(TOP, "2", "0.52"), start()).unwrap();
    });
    let mut reader = connect(&served).await;
    let first = reader
        .ask(subscribe(1, &["orderbook_delta", "trade"], &[TOP, TOP_B]))
        .await;
    assert_eq!((&first["type"], &first["id"]), (&json!("subscribed"), &json!(1)));
    assert_eq!(first["msg"], json!({ "channel": "orderbook_delta", "sid": 1 }));
    assert_eq!(
        reader.next().await.unwrap()["msg"],
        json!({ "channel": "trade", "sid": 2 })
    );
    let snapshot = reader.next().await.unwrap();
    assert_eq!(
        (
            &snapshot["type"],
            &snapshot["sid"],
            &snapshot["seq"],
            snapshot.get("id")
        ),
        (&json!("orderbook_snapshot"), &json!(1), &json!(1), None)
    );
    assert_eq!(snapshot["msg"]["yes_dollars_fp"], json!([["0.4700", "3.00"]]));
    assert_eq!(snapshot["msg"]["no_dollars_fp"], json!([["0.4800", "2.00"]]));
    let empty = reader.next().await.unwrap();
    assert_eq!(
        (&empty["seq"], &empty["msg"]["market_ticker"]),
        (&json!(2), &json!(TOP_B))
    );
    assert!(
        empty["msg"].get("yes_dollars_fp").is_none(),
        "an empty side has no key"
    );
}

#[tokio::test]
async fn no_offers_follow_the_price_scale_asked_for() {
    let served = serve().await;
    let maker = served.maker;
    served.exchange(|x| x.submit(maker, ask(TOP, "2", "0.52"), start()).unwrap());
    let mut reader = connect(&served).await;
    let mut command = subscribe(1, &["orderbook_delta"], &[TOP]);
    command["params"]["use_yes_price"] = json!(true);
    reader.ask(command).await;
    let snapshot = reader.next().await.unwrap();
    assert_eq!(snapshot["msg"]["no_dollars_fp"], json!([["0.5200", "2.00"]]));
    served.exchange(|x| x.submit(maker, ask(TOP, "1", "0.60"), start()).unwrap());
    nudge(&served).await;
    let delta = reader.next().await.unwrap();
    assert_eq!(
        (
            &delta["type"],
            &delta["seq"],
            &delta["msg"]["side"],
            &delta["msg"]["price_dollars"]
        ),
        (
            &json!("orderbook_delta"),
            &json!(2),
            &json!("no"),
            &json!("0.6000")
        )
    );
    assert_eq!(delta["msg"]["delta_fp"], "1.00");
}

#[tokio::test]
async fn deltas_rebuild_the_book_without_a_gap() {
    let served = serve().await;
    let maker = served.maker;
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["orderbook_delta"], &[TOP])).await;
    let mut book: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut expected_seq = 1;
    let snapshot = reader.next().await.unwrap();
    assert_eq!(snapshot["seq"], expected_seq);
    let mut clock = snapshot["msg"]["clock"].as_u64().unwrap();
    for round in 0..20_i64 {
        served.exchange(|x| {
            let price = format!("0.{:02}", 20 + round);
            x.submit(maker, bid(TOP, "5", &price), after(round)).unwrap();
            x.submit(maker, ask(TOP, "7.50", "0.70"), after(round)).unwrap();
            if round % 3 == 0 {
                x.cancel_in_market(maker, &t(TOP), after(round));
            }
        });
        let body = json!({
            "ticker": TOP, "side": "bid", "count": "2", "price": "0.75",
            "time_in_force": "immediate_or_cancel", "self_trade_prevention_type": "taker_at_cross",
        });
        served
            .ask("POST", "/portfolio/events/orders", Some(&body.to_string()))
            .await;
    }
    let marker = reader.ask_until_listed().await;
    for delta in marker {
        expected_seq += 1;
        assert_eq!(delta["seq"], expected_seq, "no gap");
        let msg = &delta["msg"];
        assert!(msg["clock"].as_u64().unwrap() > clock);
        clock = msg["clock"].as_u64().unwrap();
        let change = c_raw(msg["delta_fp"].as_str().unwrap());
        let key = (
            msg["side"].as_str().unwrap().to_owned(),
            msg["price_dollars"].as_str().unwrap().to_owned(),
        );
        *book.entry(key).or_default() += change;
    }
    book.retain(|_, size| *size != 0);
    let rest = served.get(&format!("/markets/{TOP}/orderbook")).await.body;
    let mut shown: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (side, key) in [("yes", "yes_dollars"), ("no", "no_dollars")] {
        for level in rest["orderbook_fp"][key].as_array().unwrap() {
            let (price, size) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
            shown.insert((side.to_owned(), price.to_owned()), c_raw(size));
        }
    }
    assert!(!shown.is_empty());
    assert_eq!(book, shown);
}

fn c_raw(text: &str) -> i64 {
    text.parse::<autotrader_domain::Net>().unwrap().raw()
}

impl Reader {
    /// Everything that comes before the answer to a listing.
    async fn ask_until_listed(&mut self) -> Vec<Value> {
        self.send(json!({ "id": 99, "cmd": "list_subscriptions" })).await;
        let mut before = Vec::new();
        loop {
            let message = self.next().await.unwrap();
            if message["type"] == "ok" {
                assert_eq!(message["id"], 99);
                return before;
            }
            before.push(message);
        }
    }
}

#[tokio::test]
async fn private_channels_carry_the_owners_orders_and_fills_alone() {
    let served = serve().await;
    let maker = served.maker;
    let stranger = served.exchange(|x| member(x, "stranger", 100));
    served.exchange(|x| x.submit(maker, ask(TOP, "5", "0.50"), start()).unwrap());
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["fill", "user_orders"], &[])).await;
    reader.next().await.unwrap();
    served.exchange(|x| x.submit(stranger, ioc(bid(TOP, "1", "0.50")), start()).unwrap());
    let body = json!({
        "ticker": TOP, "client_order_id": "mine", "side": "bid", "count": "6", "price": "0.50",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
    });
    served
        .ask("POST", "/portfolio/events/orders", Some(&body.to_string()))
        .await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(reader.next().await.unwrap());
    }
    let kinds: Vec<&str> = seen
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["fill", "user_order", "user_order"]);
    assert!(
        seen.iter().all(|message| message.get("seq").is_none()),
        "these channels have no sequence"
    );
    assert_eq!(seen[0]["msg"]["client_order_id"], "mine");
    assert_eq!(seen[0]["msg"]["count_fp"], "4.00");
    assert_eq!(seen[0]["msg"]["post_position_fp"], "4.00");
    assert_eq!(seen[1]["msg"]["last_update_reason"], "Trade");
    assert_eq!(seen[2]["msg"]["status"], "resting");
    assert_eq!(seen[2]["msg"]["remaining_count_fp"], "2.00");
}

#[tokio::test]
async fn trades_and_lifecycle_are_public_and_sequenced() {
    let served = serve().await;
    let maker = served.maker;
    let mut reader = connect(&served).await;
    reader
        .ask(subscribe(1, &["trade", "market_lifecycle_v2"], &[]))
        .await;
    reader.next().await.unwrap();
    served.exchange(|x| {
        x.submit(maker, ask(TOP, "5", "0.50"), start()).unwrap();
        let other = member(x, "other", 100);
        x.submit(other, ioc(bid(TOP, "1", "0.50")), start()).unwrap();
        x.determine(&t(TOP), autotrader_domain::SettlementResult::No, p("0"), start())
            .unwrap();
    });
    served.clock.advance_to(after(1_800));
    nudge(&served).await;
    let trade = reader.next().await.unwrap();
    assert_eq!((&trade["type"], &trade["seq"]), (&json!("trade"), &json!(1)));
    assert_eq!(trade["msg"]["taker_book_side"], "bid");
    let mut steps = Vec::new();
    for seq in 1..=3 {
        let step = reader.next().await.unwrap();
        assert_eq!(
            (&step["type"], &step["seq"]),
            (&json!("market_lifecycle_v2"), &json!(seq))
        );
        steps.push(step["msg"]["event_type"].as_str().unwrap().to_owned());
        if seq == 2 {
            assert_eq!(step["msg"]["result"], "no");
            assert_eq!(step["msg"]["settlement_value"], "0.0000");
        }
    }
    assert_eq!(steps, ["close_date_updated", "determined", "settled"]);
}

#[tokio::test]
async fn subscriptions_are_listed_updated_and_ended() {
    let served = serve().await;
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["orderbook_delta"], &[TOP])).await;
    reader.next().await.unwrap();
    let listed = reader.ask(json!({ "id": 2, "cmd": "list_subscriptions" })).await;
    assert_eq!(listed["msg"], json!([{ "channel": "orderbook_delta", "sid": 1 }]));
    let update = |id: u64, action: &str, ticker: &str| {
        json!({
            "id": id, "cmd": "update_subscription",
            "params": { "sid": 1, "action": action, "market_tickers": [ticker] },
        })
    };
    let added = reader.ask(update(3, "add_markets", LLM)).await;
    assert_eq!(
        (&added["type"], &added["id"], &added["seq"]),
        (&json!("ok"), &json!(3), &json!(2))
    );
    assert_eq!(added["msg"]["market_tickers"], json!([LLM, TOP]));
    let snapshot = reader.next().await.unwrap();
    assert_eq!(
        (&snapshot["seq"], &snapshot["msg"]["market_ticker"]),
        (&json!(3), &json!(LLM))
    );
    let asked = reader.ask(update(4, "get_snapshot", TOP)).await;
    assert_eq!(
        (&asked["type"], &asked["id"]),
        (&json!("orderbook_snapshot"), &json!(4))
    );
    let fewer = reader.ask(update(5, "delete_markets", LLM)).await;
    assert_eq!(fewer["msg"]["market_tickers"], json!([TOP]));
    let ended = reader
        .ask(json!({ "id": 6, "cmd": "unsubscribe", "params": { "sids": [1] } }))
        .await;
    assert_eq!(
        (&ended["type"], &ended["sid"], &ended["seq"]),
        (&json!("unsubscribed"), &json!(1), &json!(6))
    );
    assert_eq!(
        reader.ask(json!({ "id": 7, "cmd": "list_subscriptions" })).await["msg"],
        json!([])
    );
}

#[tokio::test]
async fn errors_have_their_codes() {
    let served = serve().await;
    let mut reader = connect(&served).await;
    for (command, code) in [
        (json!("not an object"), 1),
        (json!({ "id": 1, "cmd": "subscribe" }), 2),
        (json!({ "id": 1, "cmd": "subscribe", "params": {} }), 3),
        (json!({ "id": 1, "cmd": "unsubscribe", "params": {} }), 4),
        (json!({ "id": 1, "cmd": "dance" }), 5),
        (
            json!({ "id": 1, "cmd": "unsubscribe", "params": { "sids": [9] } }),
            7,
        ),
        (subscribe(1, &["gossip"], &[]), 8),
        (subscribe(1, &["orderbook_delta"], &["KXNONE-1"]), 11),
        (
            json!({ "id": 1, "cmd": "update_subscription", "params": { "action": "add_markets" } }),
            12,
        ),
        (subscribe(1, &["orderbook_delta"], &[]), 14),
        (
            json!({ "id": 1, "cmd": "update_subscription", "params": { "sid": 1 } }),
            15,
        ),
    ] {
        let answer = reader.ask(command.clone()).await;
        assert_eq!(
            (&answer["type"], &answer["msg"]["code"]),
            (&json!("error"), &json!(code)),
            "{command}"
        );
    }
}

#[tokio::test]
async fn the_world_moves_by_itself_when_told_to() {
    let served = serve_with(Some(Duration::from_millis(5))).await;
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["market_lifecycle_v2"], &[])).await;
    served.exchange(|x| x.pause_market(&t(TOP), start()).unwrap());
    assert_eq!(reader.next().await.unwrap()["msg"]["event_type"], "deactivated");
}

#[tokio::test]
async fn an_outage_of_market_data_cuts_readers_off() {
    let served = serve().await;
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["orderbook_delta"], &[TOP])).await;
    reader.next().await.unwrap();
    let maker = served.maker;
    served.faults(Faults {
        market_data_down: true,
        ..Faults::default()
    });
    served.exchange(|x| x.submit(maker, bid(TOP, "1", "0.10"), start()).unwrap());
    nudge(&served).await;
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_stop_closes_conversations() {
    let served = serve().await;
    let mut reader = connect(&served).await;
    reader.ask(subscribe(1, &["trade"], &[])).await;
    served.handle.stop().await;
    assert_eq!(reader.next().await, None);
}
