//! The admin endpoint: who gets in, what it does, what it says.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::sync::{Arc, Mutex};

use autotrader_domain::ManualClock;
use autotrader_simulator::exchange::{AccountKind, Exchange};
use autotrader_simulator::server::{AdminToken, ServerHandle, ServerOptions, Tier, spawn};
use autotrader_simulator::{Faults, PageResponse, SimulatedWorld};
use chrono::{DateTime, Utc};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use support::{TOP, TOP_B, after, exchange, m, start};
use tokio::net::TcpListener;

#[derive(Debug)]
struct Bare(Exchange);

impl SimulatedWorld for Bare {
    fn advance_to(&mut self, at: DateTime<Utc>) {
        self.0.advance(at);
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.0
    }

    fn leaderboard(&mut self, _path: &str, _at: DateTime<Utc>) -> PageResponse {
        PageResponse::text(404, "none")
    }

    fn faults(&self, _at: DateTime<Utc>) -> Faults {
        Faults::default()
    }
}

struct Stage {
    handle: ServerHandle,
    clock: Arc<ManualClock>,
    token: AdminToken,
    http: reqwest::Client,
}

async fn stage(has_admin: bool) -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut exchange = exchange();
    exchange.open_account("trader", AccountKind::Member, m("1000"), start());
    let token = AdminToken::generate(&mut ChaCha20Rng::seed_from_u64(3));
    let clock = Arc::new(ManualClock::new(start()));
    let options = ServerOptions {
        limits: Some(Tier::UNLIMITED),
        admin: has_admin.then(|| token.clone()),
        ..ServerOptions::default()
    };
    let handle = spawn(
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        Arc::new(Mutex::new(Bare(exchange))),
        Arc::clone(&clock) as _,
        options,
        std::future::pending(),
    )
    .unwrap();
    Stage {
        handle,
        clock,
        token,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    }
}

impl Stage {
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/admin/{path}", self.handle.address());
        self.http.request(method.parse().unwrap(), url)
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path).bearer_auth(self.token.reveal());
        if method == "POST" {
            request = request.body(body.to_string());
        }
        answer(request).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask("POST", path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn public(&self, path: &str) -> u16 {
        let url = format!("{}{path}", self.handle.base_url());
        self.http.get(url).send().await.unwrap().status().as_u16()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn only_this_machine_with_the_token_of_this_start_gets_in() {
    let stage = stage(true).await;
    let bearer = format!("Bearer {}", stage.token.reveal());
    for (headers, status) in [
        (vec![("authorization", bearer.as_str())], 200),
        (vec![], 401),
        (vec![("authorization", "Bearer ")], 401),
        (vec![("authorization", stage.token.reveal())], 401),
        (vec![("authorization", "Bearer 00")], 401),
        (vec![("authorization", &bearer), ("host", "rebound.example")], 403),
        (vec![("authorization", &bearer), ("host", "localhost:1")], 200),
        (
            vec![("authorization", &bearer), ("origin", "http://127.0.0.1")],
            403,
        ),
    ] {
        let mut request = stage.request("GET", "state");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let (got, body) = answer(request).await;
        assert_eq!(got, status, "{headers:?}: {body}");
        assert_eq!(body["error"].is_string(), status != 200, "{body}");
        assert!(!body.to_string().contains(stage.token.reveal()));
    }
    // Paths that do not exist are guarded too.
    assert_eq!(answer(stage.request("GET", "nothing")).await.0, 401);
    assert_eq!(stage.ask("GET", "nothing", Value::Null).await.0, 404);
    stage.handle.stop().await;
}

#[tokio::test]
async fn without_a_token_there_is_no_endpoint() {
    let stage = stage(false).await;
    assert_eq!(stage.handle.admin_url(), None);
    let request = stage.request("GET", "state").bearer_auth(stage.token.reveal());
    assert_eq!(
        request.send().await.unwrap().text().await.unwrap(),
        "404 page not found\n"
    );
    stage.handle.stop().await;
}

#[tokio::test]
async fn faults_are_ordered_counted_and_cleared() {
    let stage = stage(true).await;
    stage
        .post("faults", json!({ "kind": "too_many_requests", "next": 2 }))
        .await;
    assert_eq!(
        [stage.public("/markets").await, stage.public("/markets").await],
        [429, 429]
    );
    assert_eq!(stage.public("/markets").await, 200);
    stage
        .post(
            "faults",
            json!({ "kind": "server_error", "rate": 10_000, "scope": "GET:/events" }),
        )
        .await;
    assert!(stage.public("/events").await >= 500);
    assert_eq!(stage.public("/markets").await, 200);
    stage
        .post("faults", json!({ "spec": "server_error=0,latency=1:5ms" }))
        .await;
    stage
        .post("faults", json!({ "kind": "too_many_requests", "for_ms": 1_000 }))
        .await;
    assert_eq!(stage.public("/markets").await, 429);
    stage.clock.advance_to(after(1));
    assert_eq!(stage.public("/markets").await, 200);
    let state = stage.get("state").await;
    assert_eq!(
        state["fired"],
        json!({ "too_many_requests": 3, "server_error": 1 })
    );
    assert_eq!(state["faults"]["latency"]["amount_ms"], 5);
    assert_eq!(state["recent"][0]["site"], "GET /markets");
    let (status, cleared) = stage.ask("DELETE", "faults", Value::Null).await;
    assert_eq!((status, &cleared["fired"]["server_error"]), (200, &json!(1)));
    assert_eq!(stage.get("state").await["faults"]["latency"]["rate"], "0");
    stage.handle.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_in_one_sentence() {
    let stage = stage(true).await;
    for (path, body, said) in [
        ("faults", json!({}), "Neither `kind` nor `spec` is given."),
        (
            "faults",
            json!({ "kind": "ws_drops", "next": 1 }),
            "`ws_drops` is not a fault",
        ),
        (
            "faults",
            json!({ "kind": "ws_drop" }),
            "Give `rate`, `next` or `for_ms`",
        ),
        (
            "faults",
            json!({ "kind": "ws_drop", "rate": "x" }),
            "`x` is not a rate",
        ),
        (
            "faults",
            json!({ "kind": "ws_drop", "rate": -1 }),
            "`-1` is not a rate",
        ),
        (
            "faults",
            json!({ "kind": "ws_drop", "next": -1 }),
            "The body is not what is wanted here",
        ),
        (
            "faults",
            json!({ "kind": "ws_drop", "next": 1, "amount_ms": 5 }),
            "ws_drop takes no amount",
        ),
        (
            "faults",
            json!({ "kind": "latency", "next": 1, "amount_ms": -5 }),
            "only a clock",
        ),
        (
            "faults",
            json!({ "kind": "latency", "next": 1, "scope": "there" }),
            "`there` is not a scope",
        ),
        (
            "faults",
            json!({ "kind": "latency", "nexts": 1 }),
            "unknown field `nexts`",
        ),
        (
            "faults",
            json!({ "spec": "all", "next": 1 }),
            "`spec` stands alone",
        ),
        ("faults", json!({ "spec": "all=x" }), "`x` is not a rate"),
        ("pause", json!({ "what": "market" }), "`ticker` is missing"),
        ("pause", json!({ "what": "world" }), "unknown variant `world`"),
        (
            "determine",
            json!({ "ticker": TOP, "result": "maybe" }),
            "Give `result` yes or no",
        ),
        (
            "determine",
            json!({ "ticker": TOP, "result": "yes", "value": "1" }),
            "Give `result` yes or no",
        ),
        (
            "determine",
            json!({ "ticker": "KXNONE-1-A", "result": "yes" }),
            "`KXNONE-1-A` is not listed",
        ),
        ("dispute", json!({ "ticker": TOP }), "the step is not possible"),
        ("close", json!({ "ticker": TOP, "at": "soon" }), "`at`"),
        ("reword", json!({ "ticker": TOP }), "`rules_primary`"),
        (
            "rename_model",
            json!({ "name": "a", "to": "b" }),
            "cannot be renamed",
        ),
        (
            "trade",
            json!({ "ticker": TOP, "side": "buy", "count": "1", "price": "0.5" }),
            "neither bid nor ask",
        ),
        (
            "trade",
            json!({ "ticker": TOP, "side": "bid", "count": "1", "price": "0.505" }),
            "invalid price",
        ),
    ] {
        let (status, answer) = stage.ask("POST", path, body.clone()).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(matches!(status, 400 | 409), "{path} {body}: {status}");
        assert!(
            error.contains(said) && error.ends_with('.') && !error.ends_with(".."),
            "{path} {body}: {error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(
        stage.get("state").await["faults"].as_object().unwrap().is_empty(),
        "nothing was ordered"
    );
    stage.handle.stop().await;
}

#[tokio::test]
async fn a_market_is_traded_paused_closed_decided_disputed_and_amended() {
    let stage = stage(true).await;
    let quote = |side: &str, price: &str| json!({ "ticker": TOP, "side": side, "count": "5", "price": price, "rests": true });
    stage.post("trade", quote("bid", "0.40")).await;
    stage.post("trade", quote("ask", "0.60")).await;
    let book = stage.get(&format!("book/{TOP}")).await;
    assert_eq!(book["bids"], json!([["0.4000", "5.00"]]));
    assert_eq!(book["asks"], json!([["0.6000", "5.00"]]));

    stage
        .post("pause", json!({ "what": "market", "ticker": TOP }))
        .await;
    assert_eq!(stage.get(&format!("book/{TOP}")).await["status"], "inactive");
    stage
        .post("resume", json!({ "what": "market", "ticker": TOP }))
        .await;
    let trading = stage.post("pause", json!({ "what": "trading" })).await;
    assert_eq!(
        trading,
        json!({ "exchange_active": true, "trading_active": false })
    );
    stage.post("resume", json!({ "what": "trading" })).await;

    assert_eq!(
        stage.post("close", json!({ "ticker": TOP })).await["status"],
        "closed"
    );
    let decided = stage
        .post("determine", json!({ "ticker": TOP, "result": "yes" }))
        .await;
    assert_eq!(
        (&decided["status"], &decided["determination"]["result"]),
        (&json!("determined"), &json!("yes"))
    );
    assert_eq!(
        stage.post("dispute", json!({ "ticker": TOP })).await["status"],
        "disputed"
    );
    let amended = stage
        .post("amend_result", json!({ "ticker": TOP, "value": "0.25" }))
        .await;
    assert_eq!(amended["determination"]["value"], "0.2500");
    let accounts = stage.get("accounts").await;
    assert_eq!(accounts["ledger"]["total"], accounts["ledger"]["opening_cash"]);
    assert_eq!(accounts["accounts"][0]["name"], "trader");
    assert_eq!(stage.get("orders").await["orders"][0]["items"], json!([]));
    assert_eq!(stage.get("fills").await["fills"][0]["name"], "trader");
    stage.handle.stop().await;
}

#[tokio::test]
async fn the_caller_survives_the_reset_of_all_others() {
    let stage = stage(true).await;
    let other = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/exchange/status", stage.handle.base_url());
    assert_eq!(other.get(url).send().await.unwrap().status(), 200);
    let reset = stage.post("reset_connections", json!({})).await;
    assert_eq!(reset["reset"], 1);
    stage.handle.stop().await;
}

#[tokio::test]
async fn a_disputed_result_is_decided_again_after_its_time_and_once() {
    let stage = stage(true).await;
    stage
        .post(
            "faults",
            json!({ "kind": "disputed_result", "rate": 10_000, "amount_ms": 60_000 }),
        )
        .await;
    for ticker in [TOP, TOP_B] {
        stage
            .post("determine", json!({ "ticker": ticker, "result": "no" }))
            .await;
    }
    let status = async |ticker| stage.get(&format!("book/{ticker}")).await["status"].clone();
    assert_eq!([status(TOP).await, status(TOP_B).await], ["disputed", "disputed"]);
    stage.clock.advance_to(after(59));
    assert_eq!(status(TOP).await, "disputed");
    stage.clock.advance_to(after(60));
    assert_eq!([status(TOP).await, status(TOP_B).await], ["amended", "amended"]);
    stage.clock.advance_to(after(60 + 1_800));
    assert_eq!(status(TOP).await, "finalized");
    assert_eq!(stage.get("state").await["fired"]["disputed_result"], 2);
    stage.handle.stop().await;
}

#[tokio::test]
async fn a_market_is_reworded_and_what_is_not_given_stays() {
    let stage = stage(true).await;
    let url = format!("{}/markets/{TOP}", stage.handle.base_url());
    let words = || async {
        let text = stage.http.get(&url).send().await.unwrap().text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let of = |key: &str| body["market"][key].as_str().unwrap().to_owned();
        (of("rules_primary"), of("rules_secondary"))
    };
    let before = words().await;
    stage
        .post(
            "reword",
            json!({ "ticker": TOP, "rules_secondary": "Another text." }),
        )
        .await;
    assert_eq!(words().await, (before.0, "Another text.".to_owned()));
    stage
        .post(
            "reword",
            json!({ "ticker": TOP, "rules_primary": "If so, then not." }),
        )
        .await;
    assert_eq!(
        words().await,
        ("If so, then not.".to_owned(), "Another text.".to_owned())
    );
}
