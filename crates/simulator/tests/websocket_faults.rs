//! What goes wrong on the WebSocket when it is told to, and how much it carries when nothing does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use autotrader_simulator::faults::{FaultDesk, FaultKind, Rate};
use autotrader_simulator::server::{ServerOptions, Tier, WsOptions};
use net::{Reader, Served, connect, serve, serve_options};
use serde_json::{Value, json};
use support::*;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{connect_async, tungstenite};

fn subscribe(channels: &[&str]) -> Value {
    json!({
        "id": 1, "cmd": "subscribe",
        "params": { "channels": channels, "market_tickers": [TOP], "use_yes_price": true },
    })
}

fn listing(id: u64) -> Value {
    json!({ "id": id, "cmd": "list_subscriptions" })
}

/// A reader of one book that has its first snapshot.
async fn watching(served: &Served) -> Reader {
    let mut reader = connect(served).await;
    reader.ask(subscribe(&["orderbook_delta"])).await;
    reader.next().await.unwrap();
    reader
}

/// `count` changes of the book, one after another.
fn changes(served: &Served, count: usize) {
    let maker = served.maker;
    served.exchange(|x| {
        for _ in 0..count {
            x.submit(maker, bid(TOP, "1", "0.10"), start()).unwrap();
        }
    });
}

/// Two changes for each pair: an order that rests and is cancelled, so that the book stays small.
fn churn(served: &Served, pairs: usize) {
    let maker = served.maker;
    served.exchange(|x| {
        for _ in 0..pairs {
            x.submit(maker, bid(TOP, "1", "0.10"), start()).unwrap();
            x.cancel_in_market(maker, &t(TOP), start());
        }
    });
}

fn order(served: &Served, kind: FaultKind) {
    served.handle.faults().lock().unwrap().next(kind, 1);
}

/// Texts up to and without the answer to a listing; `None` at the end when the connection ended.
async fn up_to_listing(reader: &mut Reader) -> Vec<Option<String>> {
    reader.send(listing(99)).await;
    let mut texts = Vec::new();
    loop {
        let text = reader.next_text().await;
        let is_end = text.as_ref().is_none_or(|text| text.contains("\"id\":99"));
        if is_end {
            if text.is_none() {
                texts.push(None);
            }
            return texts;
        }
        texts.push(text);
    }
}

fn numbers(texts: &[Option<String>]) -> Vec<u64> {
    texts
        .iter()
        .flatten()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok()?["seq"].as_u64())
        .collect()
}

#[tokio::test]
async fn losses_repetitions_and_jumps_show_in_the_numbers() {
    for (kind, expected) in [
        (FaultKind::WsDrop, vec![3, 4]),
        (FaultKind::WsDuplicate, vec![2, 2, 3, 4]),
        (FaultKind::WsReorder, vec![3, 2, 4]),
        (FaultKind::WsUnknownType, vec![2, 3, 4]),
        (FaultKind::WsUnknownField, vec![2, 3, 4]),
        (FaultKind::WsMissingField, vec![2, 3, 4]),
        (FaultKind::WsTruncated, vec![3, 4]),
    ] {
        let served = serve().await;
        let mut reader = watching(&served).await;
        order(&served, kind);
        changes(&served, 3);
        let texts = up_to_listing(&mut reader).await;
        assert_eq!(numbers(&texts), expected, "{kind}");
        assert_eq!(served.handle.faults().lock().unwrap().count(kind), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_gap_skips_numbers_and_loses_nothing() {
    let served = serve().await;
    let mut reader = watching(&served).await;
    order(&served, FaultKind::WsGap);
    changes(&served, 3);
    let numbers = numbers(&up_to_listing(&mut reader).await);
    assert_eq!(numbers.len(), 3);
    assert!(numbers[0] > 2, "{numbers:?}");
    assert_eq!(numbers[2], numbers[0] + 2);
}

#[tokio::test]
async fn an_overflow_ends_the_subscription_with_its_last_number() {
    let served = serve().await;
    let mut reader = watching(&served).await;
    order(&served, FaultKind::WsOverflow);
    changes(&served, 3);
    let texts = up_to_listing(&mut reader).await;
    assert_eq!(texts.len(), 1, "{texts:?}");
    let error: Value = serde_json::from_str(texts[0].as_ref().unwrap()).unwrap();
    assert_eq!(error["msg"]["code"], 25);
    assert_eq!((&error["sid"], &error["seq"]), (&json!(1), &json!(2)));
    // The connection lives: subscribing again begins with the whole book.
    let again = reader.ask(subscribe(&["orderbook_delta"])).await;
    assert_eq!(again["msg"]["sid"], 2);
    let snapshot = reader.next().await.unwrap();
    assert_eq!(snapshot["msg"]["yes_dollars_fp"], json!([["0.1000", "3.00"]]));
}

#[tokio::test]
async fn a_missing_field_is_one_that_the_document_requires() {
    let served = serve().await;
    let mut reader = watching(&served).await;
    order(&served, FaultKind::WsMissingField);
    changes(&served, 1);
    let texts = up_to_listing(&mut reader).await;
    let message: Value = serde_json::from_str(texts[0].as_ref().unwrap()).unwrap();
    let required = [
        "market_ticker",
        "market_id",
        "clock",
        "price_dollars",
        "delta_fp",
        "side",
    ];
    let missing = required
        .iter()
        .filter(|field| message["msg"].get(**field).is_none());
    assert_eq!(missing.count(), 1, "{message}");
}

#[tokio::test]
async fn a_reset_ends_the_connection_and_every_second_one_refuses_the_next_handshake() {
    let served = serve().await;
    for round in 0..4 {
        let mut reader = watching(&served).await;
        order(&served, FaultKind::WsReset);
        changes(&served, 1);
        assert_eq!(up_to_listing(&mut reader).await, [None], "round {round}");
        if round % 2 == 1 {
            let mut request = served.handle.websocket_url().into_client_request().unwrap();
            for (name, value) in served.signed_at("GET", "/trade-api/ws/v2", start()) {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            match connect_async(request).await.unwrap_err() {
                tungstenite::Error::Http(response) => assert_eq!(response.status(), 502),
                other => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn a_silent_connection_answers_nothing_until_its_time_is_over() {
    let served = serve().await;
    let mut reader = watching(&served).await;
    {
        let desk = served.handle.faults();
        let mut desk = desk.lock().unwrap();
        let mut rule = desk.rule(FaultKind::WsSilence);
        rule.amount_ms = 300;
        desk.set_rule(FaultKind::WsSilence, rule);
        desk.next(FaultKind::WsSilence, 1);
    }
    changes(&served, 2);
    reader.send(listing(2)).await;
    // Neither the changes nor the answer come. What is asked again and again is answered once the time is over.
    let mut asked = 3;
    let answered = loop {
        reader.send(listing(asked)).await;
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), reader.next()).await;
        if let Ok(Some(message)) = waited {
            break message;
        }
        asked += 1;
    };
    assert!(answered["id"].as_u64().unwrap() > 2, "{answered}");
    changes(&served, 1);
    let numbers = numbers(&up_to_listing(&mut reader).await);
    assert_eq!(numbers, [4], "the numbers of what was not sent are spent");
}

#[tokio::test]
async fn equal_seeds_and_equal_markets_give_equal_conversations() {
    let mut conversations = Vec::new();
    for _ in 0..2 {
        let mut desk = FaultDesk::new(42);
        for kind in [
            FaultKind::WsDrop,
            FaultKind::WsDuplicate,
            FaultKind::WsReorder,
            FaultKind::WsGap,
            FaultKind::WsTruncated,
            FaultKind::WsUnknownType,
            FaultKind::WsUnknownField,
            FaultKind::WsMissingField,
        ] {
            desk.set_rate(kind, Rate::per_ten_thousand(300));
        }
        let served = serve_options(ServerOptions {
            faults: desk,
            limits: Some(Tier::UNLIMITED),
            ..ServerOptions::default()
        })
        .await;
        let mut reader = connect(&served).await;
        reader.send(subscribe(&["orderbook_delta", "ticker"])).await;
        let mut heard = up_to_listing(&mut reader).await;
        for _ in 0..10 {
            changes(&served, 50);
            heard.extend(up_to_listing(&mut reader).await);
        }
        conversations.push(heard);
        let fired = served.handle.faults().lock().unwrap().fired();
        assert_eq!(fired.len(), 8, "{fired:?}");
    }
    assert_eq!(conversations[0], conversations[1]);
}

#[tokio::test]
async fn answers_are_lost_only_when_asked_for() {
    for (faulty_replies, answers) in [(false, true), (true, false)] {
        let served = serve_options(ServerOptions {
            websocket: WsOptions {
                faulty_replies,
                ..WsOptions::default()
            },
            limits: Some(Tier::UNLIMITED),
            ..ServerOptions::default()
        })
        .await;
        let mut reader = connect(&served).await;
        order(&served, FaultKind::WsDrop);
        reader.send(listing(1)).await;
        reader.send(listing(2)).await;
        let first = reader.next().await.unwrap();
        assert_eq!(first["id"] == 1, answers, "{first}");
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_so_once() {
    let served = serve_options(ServerOptions {
        websocket: WsOptions {
            backlog: 2,
            ..WsOptions::default()
        },
        limits: Some(Tier::UNLIMITED),
        ..ServerOptions::default()
    })
    .await;
    let mut reader = watching(&served).await;
    // One step of time with more bundles than the ring holds.
    changes(&served, 2_000);
    served.get("/exchange/status").await;
    let texts = up_to_listing(&mut reader).await;
    let errors: Vec<Value> = texts
        .iter()
        .flatten()
        .map(|text| serde_json::from_str::<Value>(text).unwrap())
        .filter(|message| message["type"] == "error")
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["msg"]["code"], 25);
    assert_eq!(errors[0]["msg"]["msg"], "Subscription buffer overflow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_arrive_complete_and_in_order() {
    const ROUNDS: u64 = 10;
    const A_ROUND: usize = 4_000;
    let served = serve().await;
    let mut reader = watching(&served).await;
    let began = tokio::time::Instant::now();
    let mut expected = 1;
    for _ in 0..ROUNDS {
        churn(&served, A_ROUND / 2);
        served.get("/exchange/status").await;
        for _ in 0..A_ROUND {
            expected += 1;
            let text = reader.next_text().await.unwrap();
            let wanted = format!("\"seq\":{expected},");
            assert!(text.contains(&wanted), "{wanted} {text}");
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} messages in {seconds:.2} s, the exchange's own work included: {:.0} a second",
        expected - 1,
        f64::from(u32::try_from(expected).unwrap()) / seconds
    );
}
