//! The shapes of answers, held against recorded traffic of the real exchange.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use autotrader_simulator::server::ServerOptions;
use net::{order_body, post, quote, serve_options};
use serde_json::Value;
use support::*;

/// The captures, when they are beside the repository.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the recordings where it is told to"
)]
#[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
fn capture(name: &str) -> Option<Value> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("kalshi/captures").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {name} is not there; set AUTOTRADER_SHARED to the directory that holds it");
            None
        }
    }
}

fn keys_of(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// Our keys are the captured ones, less what has been removed since, plus what has been added since.
#[track_caller]
fn same_keys(ours: &Value, captured: &Value, removed: &[&str], added: &[&str]) {
    let mut expected = keys_of(captured);
    for key in removed {
        assert!(expected.remove(*key), "{key} was not captured");
    }
    for key in added {
        assert!(expected.insert((*key).to_owned()), "{key} was captured");
    }
    assert_eq!(keys_of(ours), expected);
}

#[tokio::test]
async fn shapes_are_those_of_real_traffic() {
    let served = serve_options(ServerOptions::default()).await;
    quote(&served);
    let taken = post(
        &served,
        &order_body("one", "bid", "3.00", "0.9900", "immediate_or_cancel"),
    )
    .await
    .body;
    let rested = post(
        &served,
        &order_body("two", "bid", "1.00", "0.0100", "good_till_canceled"),
    )
    .await
    .body;
    let get = async |path: &str| served.get(path).await.body;
    if let Some(real) = capture("orders__create_v2_taker_ioc.json") {
        same_keys(&taken, &real, &[], &[]);
    }
    if let Some(real) = capture("orders__create_v2_maker.json") {
        same_keys(&rested, &real, &[], &[]);
    }
    if let Some(real) = capture("auth__balance_ok.json") {
        same_keys(&get("/portfolio/balance").await, &real, &[], &[]);
    }
    if let Some(real) = capture("fills__after_taker.json") {
        let ours = get("/portfolio/fills").await;
        same_keys(&ours, &real, &[], &[]);
        same_keys(&ours["fills"][0], &real["fills"][0], &[], &["exchange_index"]);
    }
    if let Some(real) = capture("portfolio__positions.json") {
        let ours = get("/portfolio/positions").await;
        same_keys(&ours, &real, &[], &[]);
        let (our, their) = (&ours["market_positions"][0], &real["market_positions"][0]);
        same_keys(our, their, &["resting_orders_count"], &["exchange_index"]);
        same_keys(&ours["event_positions"][0], &real["event_positions"][0], &[], &[]);
    }
    if let Some(real) = capture("portfolio__orders_list.json") {
        let ours = get("/portfolio/orders").await;
        same_keys(&ours, &real, &[], &[]);
        let added = ["cancel_order_on_pause", "exchange_index"];
        same_keys(&ours["orders"][0], &real["orders"][0], &[], &added);
    }
    if let Some(real) = capture("orders__cancel_v2.json") {
        let path = format!(
            "/portfolio/events/orders/{}",
            rested["order_id"].as_str().unwrap()
        );
        same_keys(&served.ask("DELETE", &path, None).await.body, &real, &[], &[]);
    }
    if let Some(real) = capture("markets__single.json") {
        let ours = get(&format!("/markets/{TOP}")).await;
        let removed = [
            "fractional_trading_enabled",
            "liquidity_dollars",
            "response_price_units",
            // Optional in the specification and absent on markets like these.
            "occurrence_datetime",
            "title",
            "early_close_condition",
        ];
        let added = ["settlement_bounds_type", "exchange_index"];
        same_keys(&ours["market"], &real["market"], &removed, &added);
    }
    if let Some(real) = capture("trades__public_recorded.json") {
        let ours = get("/markets/trades").await;
        same_keys(&ours, &real, &[], &[]);
        same_keys(&ours["trades"][0], &real["trades"][0], &[], &[]);
    }
    if let Some(real) = capture("account__limits.json") {
        assert_eq!(get("/account/limits").await, real);
    }
    if let Some(real) = capture("exchange_schedule_response.json") {
        assert_eq!(get("/exchange/schedule").await, real["response"]);
    }
    if let Some(real) = capture("account__endpoint_costs.json") {
        same_keys(&get("/account/endpoint_costs").await, &real, &[], &[]);
    }
    if let Some(real) = capture("series__fee_changes.json") {
        assert_eq!(get("/series/fee_changes").await, real);
    }
    if let Some(real) = capture("markets__limit_over_max.json") {
        assert_eq!(get("/markets?limit=1001").await, real);
    }
}
