//! The scripted world behind the server: one origin for the leaderboard, the markets and the account.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::sync::{Arc, Mutex};

use autotrader_domain::ManualClock;
use autotrader_simulator::server::{ServerOptions, SimKeys, spawn};
use autotrader_simulator::{World, WorldOptions};
use chrono::TimeDelta;
use net::private_der;
use serde_json::{Value, json};
use support::start;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_trader_can_read_the_board_buy_a_contract_and_find_it_in_the_log() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = WorldOptions {
        seed: 3,
        start: start(),
        days: 6,
        tweak_row: None,
    };
    let world = World::demo(&options);
    let trader = world.trader();
    let world = Arc::new(Mutex::new(world));
    let clock = Arc::new(ManualClock::new(start()));
    let keys = SimKeys::from_seed(1).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ServerOptions {
        keys: vec![(keys.api_key(), trader)],
        ..ServerOptions::default()
    };
    let handle = spawn(
        listener,
        Arc::clone(&world),
        Arc::clone(&clock) as _,
        options,
        std::future::pending(),
    )
    .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();

    clock.advance_to(start() + TimeDelta::hours(1));
    let page = http.get(handle.leaderboard_url()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("leaderboard"));

    let url = format!("{}/markets?status=open&limit=1000", handle.base_url());
    let markets: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    let wanted = markets["markets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|market| market["yes_ask_size_fp"] != "0.00" && market["yes_ask_dollars"] != "1.0000")
        .unwrap();
    let body = json!({
        "ticker": wanted["ticker"],
        "client_order_id": "first",
        "side": "bid",
        "count": "1.00",
        "price": wanted["yes_ask_dollars"],
        "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "taker_at_cross",
    });
    let path = "/trade-api/v2/portfolio/events/orders";
    let timestamp = (start() + TimeDelta::hours(1)).timestamp_millis().to_string();
    let signer = ring::signature::RsaKeyPair::from_pkcs8(&private_der(keys.private_pem())).unwrap();
    let mut signature = vec![0; signer.public().modulus_len()];
    signer
        .sign(
            &ring::signature::RSA_PSS_SHA256,
            &ring::rand::SystemRandom::new(),
            format!("{timestamp}POST{path}").as_bytes(),
            &mut signature,
        )
        .unwrap();
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
    let answer = http
        .post(format!("http://{}{path}", handle.address()))
        .header("kalshi-access-key", keys.key_id())
        .header("kalshi-access-timestamp", timestamp)
        .header("kalshi-access-signature", signature)
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["fill_count"], "1.00");

    handle.stop().await;
    let world = world.lock().unwrap();
    let exchange = world.exchange_view();
    let log = exchange.log().to_ndjson().unwrap();
    let fills: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|entry: &Value| entry["kind"] == "fill")
        .collect();
    assert_eq!(fills.len(), 1);
    assert_eq!(fills[0]["order_id"], answer["order_id"]);
    assert_eq!(exchange.total(), exchange.opening_cash());
}
