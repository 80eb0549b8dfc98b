//! Every captured error, provoked over loopback HTTP by the request that caused it; and the fees of the captured fills.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use autotrader_domain::ports::Clock as _;
use chrono::TimeDelta;
use net::{Served, order_body, post, quote, serve};
use serde_json::{Value, json};
use support::*;

/// What must be so before the captured request is sent, and what of it is replaced.
#[derive(Debug, Clone, Copy)]
enum Situation {
    /// Soundly signed, against the quoted book.
    Quoted,
    /// Signed with a timestamp so many seconds from the exchange's clock.
    Skewed(i64),
    /// The signature is over another message.
    WrongMessage,
    /// A key that nobody has.
    UnknownKey,
    /// No signature header.
    NoSignature,
    /// The same body was accepted before and its order rests.
    SameOrderRests,
    /// The same body was accepted before and its order was cancelled.
    SameOrderCancelled,
    /// The path names an order that was cancelled.
    OfCancelled,
    /// The path names an order that was filled wholly.
    OfExecuted,
}

/// No row is superseded by today's document: only the `service` key, since removed, is taken off the captured bodies.
const TABLE: [(&str, Situation); 19] = [
    ("auth__bad_signature", Situation::WrongMessage),
    ("auth__missing_signature_header", Situation::NoSignature),
    ("auth__skew_minus30s", Situation::Skewed(-30)),
    ("auth__skew_minus5min", Situation::Skewed(-300)),
    ("auth__skew_plus5min", Situation::Skewed(300)),
    ("auth__unknown_key_id", Situation::UnknownKey),
    ("cleanup__leftover_0", Situation::OfExecuted),
    ("cleanup__leftover_1", Situation::OfCancelled),
    ("cleanup__leftover_2", Situation::OfExecuted),
    ("markets__limit_over_max", Situation::Quoted),
    ("orders__cancel_already_canceled", Situation::OfCancelled),
    ("orders__cancel_executed", Situation::OfExecuted),
    ("orders__cancel_unknown_id", Situation::Quoted),
    ("orders__duplicate_client_order_id", Situation::SameOrderRests),
    ("orders__insufficient_balance", Situation::Quoted),
    ("orders__invalid_price_structure", Situation::Quoted),
    ("orders__numeric_field_types", Situation::Quoted),
    ("orders__post_only_cross", Situation::Quoted),
    ("orders__reuse_canceled_client_id", Situation::SameOrderCancelled),
];

/// The captures, when they are beside the repository.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the recordings where it is told to"
)]
#[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
fn captures() -> Option<PathBuf> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("kalshi/captures");
    if path.is_dir() {
        return Some(path);
    }
    println!(
        "skipped: no captures are there; set AUTOTRADER_SHARED to the directory that holds kalshi/captures"
    );
    None
}

fn read(directory: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(directory.join(name)).unwrap()).unwrap()
}

/// The names of the captures whose status is an error's.
fn error_names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files
        .filter_map(|file| file.strip_suffix(".meta.json").map(str::to_owned))
        .filter(|name| {
            let meta = read(directory, &format!("{name}.meta.json"));
            meta["status"].as_u64().is_some_and(|status| status >= 400)
        })
        .collect()
}

async fn placed(served: &Served, body: &Value) -> String {
    let answer = post(served, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["order_id"].as_str().unwrap().to_owned()
}

async fn cancelled(served: &Served, order_id: &str) {
    let path = format!("/portfolio/events/orders/{order_id}");
    let answer = served.ask("DELETE", &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Builds the situation; the path to send, when it is not the captured one.
async fn build(served: &Served, situation: Situation, body: Option<&Value>) -> Option<String> {
    let of = |order_id: &str| Some(format!("/trade-api/v2/portfolio/events/orders/{order_id}"));
    match situation {
        Situation::SameOrderRests => {
            placed(served, body.unwrap()).await;
            None
        }
        Situation::SameOrderCancelled => {
            let id = placed(served, body.unwrap()).await;
            cancelled(served, &id).await;
            None
        }
        Situation::OfCancelled => {
            let order = order_body("before", "bid", "1.00", "0.0100", "good_till_canceled");
            let id = placed(served, &order).await;
            cancelled(served, &id).await;
            of(&id)
        }
        Situation::OfExecuted => {
            let order = order_body("before", "bid", "1.00", "0.9900", "immediate_or_cancel");
            of(&placed(served, &order).await)
        }
        _ => None,
    }
}

fn headers(served: &Served, situation: Situation, method: &str, path: &str) -> Vec<(&'static str, String)> {
    let now = served.clock.now();
    let signed = path.split('?').next().unwrap();
    match situation {
        Situation::Skewed(seconds) => served
            .signed_at(method, signed, now + TimeDelta::seconds(seconds))
            .into(),
        Situation::WrongMessage => served.signed_at(method, "/another/path", now).into(),
        Situation::UnknownKey => {
            let mut headers = served.signed_at(method, signed, now);
            headers[0].1 = "00000000-0000-0000-0000-000000000000".to_owned();
            headers.into()
        }
        Situation::NoSignature => served.signed_at(method, signed, now)[..2].to_vec(),
        _ => served.signed_at(method, signed, now).into(),
    }
}

async fn reproduces(directory: &Path, name: &str, situation: Situation) {
    let meta = read(directory, &format!("{name}.meta.json"));
    let mut expected = read(directory, &format!("{name}.json"));
    if let Some(error) = expected.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("service");
    }
    let mut body = meta.get("request_body").filter(|body| !body.is_null()).cloned();
    if let Some(ticker) = body.as_mut().and_then(|body| body.get_mut("ticker")) {
        *ticker = TOP.into();
    }
    let served = serve().await;
    quote(&served);
    let path = build(&served, situation, body.as_ref()).await;
    let path = path.unwrap_or_else(|| meta["path"].as_str().unwrap().to_owned());
    let method = meta["method"].as_str().unwrap();
    let headers = headers(&served, situation, method, &path);
    let text = body.map(|body| body.to_string());
    let answer = served.send(method, &path, &headers, text.as_deref()).await;
    assert_eq!(
        (u64::from(answer.status), &answer.body),
        (meta["status"].as_u64().unwrap(), &expected),
        "{name}: {}",
        answer.text
    );
}

#[tokio::test]
async fn every_captured_error_is_reproduced_by_the_request_that_caused_it() {
    let Some(directory) = captures() else { return };
    let listed: BTreeSet<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let captured = error_names(&directory);
    let unlisted: Vec<_> = captured.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in the table: {unlisted:?}");
    for (name, situation) in TABLE {
        reproduces(&directory, name, situation).await;
    }
}

/// Price, then the fee of one contract taken at it: two real fills, and the second one's mirror on the other outcome.
const FILLS: [(&str, &str); 3] = [
    ("0.5200", "0.017500"),
    ("0.9900", "0.000700"),
    ("0.0100", "0.000700"),
];

#[tokio::test]
async fn one_contract_costs_the_fee_that_was_charged() {
    for (price, fee) in FILLS {
        let served = serve().await;
        let maker = served.maker;
        served.exchange(|x| x.submit(maker, ask(TOP, "5", price), start()).unwrap());
        let taken = post(
            &served,
            &order_body("one", "bid", "1.00", price, "immediate_or_cancel"),
        )
        .await;
        assert_eq!((taken.status, &taken.body["fill_count"]), (201, &json!("1.00")));
        let paid: autotrader_domain::Money =
            taken.body["average_fee_paid"].as_str().unwrap().parse().unwrap();
        assert_eq!(paid, m(fee), "{}", taken.text);
        let fills = served.get("/portfolio/fills").await.body;
        assert_eq!(fills["fills"].as_array().unwrap().len(), 1);
        assert_eq!(fills["fills"][0]["fee_cost"], fee);
        assert_eq!(fills["fills"][0]["yes_price_dollars"], price);
    }
}
