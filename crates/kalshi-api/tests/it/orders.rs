//! Order entry: what is sent, and what each answer means.

use autotrader_domain::ports::{CancelOutcome, OrderGateway as _, PlaceOutcome};
use autotrader_domain::{BookSide, Contracts, Environment, OrderRequest, Price, RejectReason, TimeInForce};
use autotrader_kalshi_api::OrderOptions;
use autotrader_kalshi_api::{BucketSize, ClientSettings, RateLimits, render_order};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::matchers::{body_bytes, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Signed, bench, bench_of, credentials, settings};

pub fn request() -> OrderRequest {
    OrderRequest {
        client_order_id: "kat1-00ff".parse().unwrap(),
        ticker: "KXTOPMODEL-27JAN04-AUR".parse().unwrap(),
        side: BookSide::Bid,
        contracts: "10".parse().unwrap(),
        limit: "0.56".parse().unwrap(),
        time_in_force: TimeInForce::ImmediateOrCancel,
        reduce_only: false,
        post_only: false,
        exchange_index: 0,
        order_group: None,
    }
}

const CREATED: &str = r#"{"order_id":"o-1","client_order_id":"kat1-00ff","fill_count":"4.00","remaining_count":"0.00","ts_ms":1,"average_fill_price":"0.5500"}"#;

#[test]
fn the_body_is_exact() {
    let text = |request: &OrderRequest| String::from_utf8(render_order(request).to_vec()).unwrap();
    assert_eq!(
        text(&request()),
        r#"{"ticker":"KXTOPMODEL-27JAN04-AUR","client_order_id":"kat1-00ff","side":"bid","count":"10.00","price":"0.5600","time_in_force":"immediate_or_cancel","reduce_only":false,"self_trade_prevention_type":"taker_at_cross","cancel_order_on_pause":false,"exchange_index":0}"#
    );
    let resting = OrderRequest {
        side: BookSide::Ask,
        contracts: "0.18".parse().unwrap(),
        limit: "0.0050".parse().unwrap(),
        time_in_force: TimeInForce::GoodTillCanceled {
            expires_at: Some("2026-11-22T15:05:00.999Z".parse().unwrap()),
        },
        exchange_index: 3,
        order_group: None,
        ..request()
    };
    assert_eq!(
        text(&resting),
        r#"{"ticker":"KXTOPMODEL-27JAN04-AUR","client_order_id":"kat1-00ff","side":"ask","count":"0.18","price":"0.0050","time_in_force":"good_till_canceled","expiration_time":1795359900,"reduce_only":false,"self_trade_prevention_type":"taker_at_cross","cancel_order_on_pause":true,"exchange_index":3}"#
    );
}

/// The specification of a create, restated: field, whether it is required, and what its value must be.
fn fits_the_specification(body: &Value) -> Result<(), String> {
    type Check = fn(&Value) -> bool;
    let decimal: Check = |v| {
        v.as_str().is_some_and(|s| {
            s.split_once('.')
                .is_some_and(|(a, b)| !a.is_empty() && a.bytes().chain(b.bytes()).all(|c| c.is_ascii_digit()))
        })
    };
    let text: Check = |v| v.as_str().is_some_and(|s| !s.is_empty());
    let boolean: Check = Value::is_boolean;
    let rules: &[(&str, bool, Check)] = &[
        ("ticker", true, text),
        ("client_order_id", false, text),
        ("side", true, |v| v == "bid" || v == "ask"),
        ("count", true, decimal),
        ("price", true, decimal),
        ("time_in_force", true, |v| {
            v == "fill_or_kill" || v == "good_till_canceled" || v == "immediate_or_cancel"
        }),
        ("self_trade_prevention_type", true, |v| {
            v == "taker_at_cross" || v == "maker"
        }),
        ("expiration_time", false, Value::is_i64),
        ("post_only", false, boolean),
        ("reduce_only", false, boolean),
        ("cancel_order_on_pause", false, boolean),
        ("subaccount", false, Value::is_u64),
        ("order_group_id", false, text),
        ("exchange_index", false, Value::is_i64),
    ];
    let fields = body.as_object().ok_or("not an object")?;
    for (name, required, check) in rules {
        match fields.get(*name) {
            None if *required => return Err(format!("{name} is missing")),
            Some(value) if !check(value) => return Err(format!("{name} is {value}")),
            _ => {}
        }
    }
    match fields
        .keys()
        .find(|key| !rules.iter().any(|(name, ..)| name == key))
    {
        Some(unknown) => Err(format!("{unknown} is not in the specification")),
        None => Ok(()),
    }
}

proptest! {
    #[test]
    fn every_request_fits_the_specification_and_round_trips(
        price in 0_i64..=10_000,
        count in 0_i64..=i64::MAX,
        ask in any::<bool>(),
        reduce_only in any::<bool>(),
        kind in 0..4_u8,
        expiry in 0_i64..4_000_000_000,
    ) {
        let expires_at = (kind == 3).then(|| chrono::DateTime::from_timestamp(expiry, 0).unwrap());
        let request = OrderRequest {
            side: if ask { BookSide::Ask } else { BookSide::Bid },
            limit: Price::from_raw(price).unwrap(),
            contracts: Contracts::from_raw(count).unwrap(),
            reduce_only,
            post_only: false,
            time_in_force: match kind {
                0 => TimeInForce::ImmediateOrCancel,
                1 => TimeInForce::FillOrKill,
                _ => TimeInForce::GoodTillCanceled { expires_at },
            },
            ..request()
        };
        let bytes = render_order(&request);
        prop_assert_eq!(&bytes, &render_order(&request.clone()));
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(fits_the_specification(&body), Ok(()));
        prop_assert_eq!(body["price"].as_str().unwrap().parse::<Price>().unwrap(), request.limit);
        prop_assert_eq!(body["count"].as_str().unwrap().parse::<Contracts>().unwrap(), request.contracts);
        prop_assert_eq!(body.get("expiration_time").and_then(Value::as_i64), expires_at.map(|at| at.timestamp()));
    }
}

#[test]
fn the_specification_check_refuses_numbers_and_unknown_fields() {
    let good: Value = serde_json::from_slice(&render_order(&request())).unwrap();
    for (key, value) in [
        ("count", json!(1)),
        ("price", json!(0.01)),
        ("type", json!("limit")),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(fits_the_specification(&bad).is_err(), "{key}");
    }
}

#[tokio::test]
async fn a_create_is_signed_sent_once_and_accepted() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/trade-api/v2/portfolio/events/orders"))
        .and(header("content-type", "application/json"))
        .and(body_bytes(render_order(&request()).to_vec()))
        .and(Signed)
        .respond_with(ResponseTemplate::new(201).set_body_raw(CREATED, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let outcome = bench_of(&server)
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert_eq!(
        outcome,
        PlaceOutcome::Accepted {
            venue_order_id: "o-1".parse().unwrap(),
            filled: "4".parse().unwrap(),
            remaining: Contracts::ZERO,
        }
    );
}

#[tokio::test]
async fn a_cancel_names_its_market_and_signs_the_path_without_the_query() {
    let server = MockServer::start().await;
    Mock::given(method("DELETE"))
        .and(path("/trade-api/v2/portfolio/events/orders/o-1"))
        .and(query_param("market_ticker", "KXTOPMODEL-27JAN04-AUR"))
        .and(Signed)
        .respond_with(ResponseTemplate::new(200).set_body_raw(
            r#"{"order_id":"o-1","reduced_by":"6.00","ts_ms":1}"#,
            "application/json",
        ))
        .expect(1)
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    let outcome = bench
        .client
        .cancel(&request().ticker, &"o-1".parse().unwrap())
        .await
        .outcome;
    assert_eq!(
        outcome,
        CancelOutcome::Canceled {
            reduced_by: "6".parse().unwrap()
        }
    );
    // An id that would change the path is never sent.
    let odd = bench
        .client
        .cancel(&request().ticker, &"..".parse().unwrap())
        .await
        .outcome;
    assert!(matches!(odd, CancelOutcome::Refused { .. }), "{odd:?}");
}

#[tokio::test]
async fn writes_are_never_repeated() {
    for (status, body, expected) in [
        (503, "", "Unknown"),
        (502, "<html>bad gateway</html>", "Unknown"),
        (307, "", "Unknown"),
        (429, r#"{"error":"too many requests"}"#, "NotSent"),
        (
            400,
            r#"{"error":{"code":"insufficient_balance","message":"insufficient balance"}}"#,
            "Rejected",
        ),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status)
            .insert_header("location", "/elsewhere")
            .set_body_raw(body, "application/json");
        Mock::given(wiremock::matchers::any())
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let bench = bench_of(&server);
        let outcome = bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(
            format!("{outcome:?}").starts_with(expected),
            "{status}: {outcome:?}"
        );
        assert_eq!(bench.waits(), 0);
    }
}

#[tokio::test]
async fn nothing_is_sent_without_a_key_or_to_a_foreign_host() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(500))
        .expect(0)
        .mount(&server)
        .await;
    let keyless = ClientSettings {
        credentials: None,
        ..settings(&server.uri())
    };
    let outcome = bench(&keyless)
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert!(
        matches!(&outcome, PlaceOutcome::NotSent { detail } if detail.contains("no API key is configured")),
        "{outcome:?}"
    );

    let mut foreign =
        ClientSettings::new("https://kalshi.invalid/trade-api/v2", Environment::Production).unwrap();
    foreign.credentials = Some(credentials());
    let bench = bench(&foreign);
    let outcome = bench
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    let told = "signed requests to `kalshi.invalid` are refused: it is not a documented host of the production environment";
    assert!(
        matches!(&outcome, PlaceOutcome::NotSent { detail } if detail.contains(told)),
        "{outcome:?}"
    );
    let outcome = bench
        .client
        .cancel(&request().ticker, &"o-1".parse().unwrap())
        .await
        .outcome;
    assert!(
        matches!(&outcome, CancelOutcome::Refused { reason: RejectReason::Other, detail } if detail.contains(told)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_write_beyond_the_limit_is_not_sent() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(201).set_body_raw(CREATED, "application/json"))
        .expect(3)
        .mount(&server)
        .await;
    let mut tight = settings(&server.uri());
    tight.limits = RateLimits {
        write: Some(BucketSize {
            // A fifth is kept for cancels.
            capacity: 25,
            refill_per_second: 10,
        }),
        ..RateLimits::BASIC
    };
    let bench = bench(&tight);
    for _ in 0..3 {
        let outcome = bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(matches!(outcome, PlaceOutcome::Accepted { .. }), "{outcome:?}");
    }
    assert_eq!(bench.waits(), 1, "the third waits for its turn");
    let outcome = bench
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert!(
        matches!(&outcome, PlaceOutcome::NotSent { detail } if detail == "the write limit is used up for 2000 ms"),
        "{outcome:?}"
    );
}
