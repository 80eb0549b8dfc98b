//! Who may ask how often and for what: scopes, token buckets, both kinds of keys, the record of a run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::Clock as _;
use autotrader_simulator::server::{LogSink, ServerOptions, Tier};
use chrono::TimeDelta;
use net::{Served, keys, order_body, post, private_der, quote, serve, serve_options};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use support::*;

async fn basic() -> Served {
    serve_options(ServerOptions::default()).await
}

#[tokio::test]
async fn reads_run_out_and_come_back_with_time() {
    let served = basic().await;
    for _ in 0..20 {
        assert_eq!(served.get("/portfolio/orders").await.status, 200);
    }
    let refused = served.get("/portfolio/orders").await;
    assert_eq!(
        (refused.status, refused.body),
        (429, json!({ "error": "too many requests" }))
    );
    let public = served.get("/markets").await;
    assert_eq!(
        public.status, 429,
        "a signed public read draws from the same bucket"
    );
    let unsigned = served.send("GET", "/trade-api/v2/markets", &[], None).await;
    assert_eq!(unsigned.status, 200);
    let written = served.ask("DELETE", "/portfolio/events/orders", None).await;
    assert_eq!(written.status, 204, "writes have their own bucket");
    served
        .clock
        .advance_to(served.clock.now() + TimeDelta::milliseconds(50));
    assert_eq!(served.get("/portfolio/orders").await.status, 200);
    assert_eq!(served.get("/portfolio/orders").await.status, 429);
}

#[tokio::test]
async fn a_balance_a_second_and_no_read_tokens_for_it() {
    let served = basic().await;
    assert_eq!(served.get("/portfolio/balance").await.status, 200);
    assert_eq!(served.get("/portfolio/balance").await.status, 429);
    for _ in 0..20 {
        assert_eq!(served.get("/portfolio/fills").await.status, 200);
    }
    served
        .clock
        .advance_to(served.clock.now() + TimeDelta::seconds(1));
    assert_eq!(served.get("/portfolio/balance").await.status, 200);
}

#[tokio::test]
async fn a_batch_fits_wholly_or_not_at_all() {
    let served = basic().await;
    let batch = |ids: std::ops::Range<u32>| {
        let orders: Vec<Value> = ids
            .map(|id| order_body(&id.to_string(), "bid", "1.00", "0.0100", "good_till_canceled"))
            .collect();
        json!({ "orders": orders }).to_string()
    };
    let path = "/portfolio/events/orders/batched";
    let over = served.ask("POST", path, Some(&batch(0..11))).await;
    assert_eq!(over.status, 429, "eleven creates cost 110 tokens");
    let fits = served.ask("POST", path, Some(&batch(0..10))).await;
    assert_eq!(fits.status, 201, "the refusal took nothing: {}", fits.text);
    assert_eq!(served.exchange(|x| x.orders(served.trader).count()), 10);
    let one = post(
        &served,
        &order_body("x", "bid", "1.00", "0.0100", "good_till_canceled"),
    )
    .await;
    assert_eq!(one.status, 429);
    served
        .clock
        .advance_to(served.clock.now() + TimeDelta::milliseconds(200));
    let orders: Vec<Value> = fits.body["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| json!({ "order_id": order["order_id"], "market_ticker": TOP }))
        .collect();
    let cancelled = served
        .ask("DELETE", path, Some(&json!({ "orders": orders }).to_string()))
        .await;
    assert_eq!(cancelled.status, 200, "ten cancels cost twenty tokens");
    assert_eq!(cancelled.body["orders"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn the_tier_is_reported_as_it_is_kept() {
    let served = serve_options(ServerOptions {
        limits: Some(Tier::ADVANCED),
        ..ServerOptions::default()
    })
    .await;
    let limits = served.get("/account/limits").await.body;
    assert_eq!(
        limits,
        json!({
            "usage_tier": "advanced",
            "read": { "refill_rate": 300, "bucket_capacity": 600 },
            "write": { "refill_rate": 300, "bucket_capacity": 600 },
            "grants": [],
        })
    );
    for _ in 0..59 {
        assert_eq!(served.get("/portfolio/orders").await.status, 200);
    }
    assert_eq!(served.get("/portfolio/orders").await.status, 429);
}

fn ed25519(pem: &str, message: &str) -> String {
    use base64::Engine as _;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private_der(pem)).unwrap();
    base64::engine::general_purpose::STANDARD.encode(pair.sign(message.as_bytes()))
}

fn headers(key_id: &str, timestamp: &str, signature: String) -> [(&'static str, String); 3] {
    [
        ("kalshi-access-key", key_id.to_owned()),
        ("kalshi-access-timestamp", timestamp.to_owned()),
        ("kalshi-access-signature", signature),
    ]
}

#[tokio::test]
async fn ed25519_signs_the_same_text() {
    let served = serve().await;
    let path = "/trade-api/v2/portfolio/balance";
    let timestamp = served.clock.now().timestamp_millis().to_string();
    let signature = ed25519(keys().ed25519_private_pem(), &format!("{timestamp}GET{path}"));
    let sound = headers(keys().ed25519_key_id(), &timestamp, signature.clone());
    assert_eq!(served.send("GET", path, &sound, None).await.status, 200);
    let of_another_key = headers(keys().key_id(), &timestamp, signature.clone());
    let refused = served.send("GET", path, &of_another_key, None).await;
    assert_eq!(refused.body["error"]["details"], "INCORRECT_API_KEY_SIGNATURE");
    let other_path = served
        .send("GET", "/trade-api/v2/portfolio/fills", &sound, None)
        .await;
    assert_eq!(other_path.status, 401);
}

#[tokio::test]
async fn the_older_rsa_padding_is_refused() {
    use base64::Engine as _;
    let served = serve().await;
    let path = "/trade-api/v2/portfolio/balance";
    let timestamp = served.clock.now().timestamp_millis().to_string();
    let pair = RsaKeyPair::from_pkcs8(&private_der(keys().private_pem())).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    let message = format!("{timestamp}GET{path}");
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    let signature = base64::engine::general_purpose::STANDARD.encode(signature);
    let refused = served
        .send(
            "GET",
            path,
            &headers(keys().key_id(), &timestamp, signature),
            None,
        )
        .await;
    assert_eq!(
        (refused.status, &refused.body["error"]["details"]),
        (401, &json!("INCORRECT_API_KEY_SIGNATURE"))
    );
}

#[tokio::test]
async fn both_rsa_encodings_are_one_key() {
    let der = private_der(keys().private_pkcs1_pem());
    let from_pkcs1 = RsaKeyPair::from_der(&der).unwrap();
    let from_pkcs8 = RsaKeyPair::from_pkcs8(&private_der(keys().private_pem())).unwrap();
    assert!(
        keys()
            .private_pkcs1_pem()
            .starts_with("-----BEGIN RSA PRIVATE KEY-----")
    );
    use ring::signature::KeyPair as _;
    assert_eq!(from_pkcs1.public_key().as_ref(), from_pkcs8.public_key().as_ref());
}

#[tokio::test]
async fn a_key_that_may_only_read_writes_nothing() {
    let served = serve().await;
    let timestamp = served.clock.now().timestamp_millis().to_string();
    let ask = async |method: &str, path: &str, body: Option<&str>| {
        let full = format!("/trade-api/v2{path}");
        let signature = ed25519(
            keys().read_only_private_pem(),
            &format!("{timestamp}{method}{full}"),
        );
        let headers = headers(keys().read_only_key_id(), &timestamp, signature);
        served.send(method, &full, &headers, body).await
    };
    assert_eq!(ask("GET", "/portfolio/fills", None).await.status, 200);
    let order = order_body("one", "bid", "1.00", "0.0100", "good_till_canceled").to_string();
    for (method, path, body) in [
        ("POST", "/portfolio/events/orders", Some(order.as_str())),
        ("DELETE", "/portfolio/events/orders", None),
        ("POST", "/portfolio/events/orders/batched", Some("{}")),
        ("DELETE", "/portfolio/events/orders/x", None),
    ] {
        let refused = ask(method, path, body).await;
        assert_eq!(
            (refused.status, refused.body),
            (
                403,
                json!({ "error": { "code": "forbidden", "message": "forbidden" } })
            ),
            "{method} {path}"
        );
    }
    assert_eq!(served.exchange(|x| x.orders(served.trader).count()), 0);
    let listed = served.get("/api_keys").await.body;
    let scopes: Vec<&Value> = listed["api_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["scopes"])
        .collect();
    assert_eq!(scopes.len(), 3);
    assert_eq!(
        scopes
            .iter()
            .filter(|scopes| **scopes == &json!(["read"]))
            .count(),
        1
    );
}

#[tokio::test]
async fn reads_of_an_account_lag_as_configured() {
    let served = serve_options(ServerOptions {
        limits: Some(Tier::UNLIMITED),
        read_lag: Duration::from_millis(400),
        ..ServerOptions::default()
    })
    .await;
    let later = |millis| {
        served
            .clock
            .advance_to(served.clock.now() + TimeDelta::milliseconds(millis));
    };
    later(1_000);
    let ack = post(
        &served,
        &order_body("one", "bid", "1.00", "0.0100", "good_till_canceled"),
    )
    .await;
    let path = format!("/portfolio/orders/{}", ack.body["order_id"].as_str().unwrap());
    assert_eq!(served.get(&path).await.status, 404);
    later(400);
    assert_eq!(served.get(&path).await.body["order"]["status"], "resting");
    let cancel = format!(
        "/portfolio/events/orders/{}",
        ack.body["order_id"].as_str().unwrap()
    );
    assert_eq!(served.ask("DELETE", &cancel, None).await.status, 200);
    later(399);
    assert_eq!(served.get(&path).await.body["order"]["status"], "resting");
    later(1);
    assert_eq!(served.get(&path).await.body["order"]["status"], "canceled");
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn recorded_run() -> String {
    let page = Page::default();
    let served = serve_options(ServerOptions {
        limits: Some(Tier::UNLIMITED),
        log: Some(Box::new(page.clone()) as LogSink),
        ..ServerOptions::default()
    })
    .await;
    quote(&served);
    post(
        &served,
        &order_body("one", "bid", "1.00", "0.9900", "immediate_or_cancel"),
    )
    .await;
    served.get("/portfolio/fills?limit=5").await;
    served.get("/portfolio/fills?limit=5000").await;
    served
        .ask("POST", "/portfolio/events/orders", Some("not json"))
        .await;
    served.send("GET", "/trade-api/v2/markets", &[], None).await;
    let bytes = page.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_run_is_recorded_line_by_line_without_secrets() {
    let text = recorded_run().await;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], json!(index + 1));
        assert!(line["at"].is_string() && line["kind"].is_string(), "{line}");
    }
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    let place = |kind: &str| kinds.iter().position(|found| *found == kind).unwrap();
    assert!(place("request") < place("order_request") && place("order_request") < place("trade"));
    assert!(place("trade") < place("fill") && place("fill") < place("answer"));
    let (request, answer) = (&lines[place("request")], &lines[place("answer")]);
    assert_eq!(request["body"]["price"], "0.9900");
    assert_eq!(request["path"], "/trade-api/v2/portfolio/events/orders");
    assert_eq!(
        (&answer["request"], &answer["status"]),
        (&request["seq"], &json!(201))
    );
    assert_eq!(answer["body"]["fill_count"], "1.00");
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "request").count(),
        kinds.iter().filter(|kind| **kind == "answer").count()
    );
    assert!(lines.iter().any(|line| line["body"] == "not json"));
    assert!(lines.iter().any(|line| line["query"] == "limit=5"));
    let unsigned = lines.iter().rfind(|line| line["kind"] == "request").unwrap();
    assert_eq!(unsigned["account"], Value::Null);
    let lower = text.to_lowercase();
    assert!(
        !lower.contains(keys().key_id()) && !lower.contains("signature"),
        "no secrets"
    );
}

#[tokio::test]
async fn equal_runs_leave_equal_records() {
    assert_eq!(recorded_run().await, recorded_run().await);
}

struct FullDisk;

impl Write for FullDisk {
    fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_happens_once_the_record_has_lost_a_line() {
    let served = serve_options(ServerOptions {
        limits: Some(Tier::UNLIMITED),
        log: Some(Box::new(FullDisk)),
        ..ServerOptions::default()
    })
    .await;
    let refused = post(
        &served,
        &order_body("one", "bid", "1.00", "0.0100", "good_till_canceled"),
    )
    .await;
    assert_eq!(refused.status, 500);
    assert_eq!(served.exchange(|x| x.orders(served.trader).count()), 0);
}
