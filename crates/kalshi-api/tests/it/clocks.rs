//! A clock that is wrong, and signatures made ahead.

use autotrader_kalshi_api::OrderOptions;
use std::time::Duration;

use autotrader_domain::ports::{AccountSource as _, FeedError, PlaceOutcome};
use autotrader_kalshi_api::{ClientSettings, KalshiClient, SetupError};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::orders::request;
use crate::support::{SignedAt, bench, bench_of, now, settings};

const CREATED: &str = r#"{"order_id":"o-1","client_order_id":"kat1-00ff","fill_count":"0.00","remaining_count":"0.00","ts_ms":1}"#;

/// A refusal of the time, with the exchange's own time in whole seconds.
fn expired(date: Option<DateTime<Utc>>) -> ResponseTemplate {
    let body = r#"{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}"#;
    let answer = ResponseTemplate::new(401).set_body_raw(body, "application/json");
    let date = date.map_or_else(
        || "not a date".to_owned(),
        |at| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    );
    answer.insert_header("date", date.as_str())
}

/// Where requests with a time that is `ahead` of this machine's are good, and all others are refused with a date.
async fn exchange_ahead(ahead: TimeDelta, good: ResponseTemplate, refusals: u64) -> MockServer {
    let server = MockServer::start().await;
    let there = now() + ahead;
    // The date is cut to whole seconds, then half a second is added to it.
    let seen = DateTime::from_timestamp(there.timestamp(), 500_000_000).unwrap();
    Mock::given(SignedAt(seen))
        .respond_with(good)
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(expired(Some(there)))
        .expect(refusals)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_read_with_a_wrong_clock_is_repeated_once_with_the_exchanges() {
    for seconds in [30, -30, 300, -300] {
        let good = ResponseTemplate::new(200).set_body_json(json!({"fills": [], "cursor": ""}));
        let server = exchange_ahead(TimeDelta::seconds(seconds), good, 1).await;
        let bench = bench_of(&server);
        assert_eq!(bench.client.clock_offset(), TimeDelta::zero());
        for _ in 0..3 {
            assert_eq!(bench.client.fills(DateTime::UNIX_EPOCH).await, Ok(Vec::new()));
        }
        let offset = bench.client.clock_offset();
        assert!(
            (offset - TimeDelta::seconds(seconds)).abs() <= TimeDelta::seconds(1),
            "{offset}"
        );
        assert_eq!(bench.waits(), 0);
    }
}

#[tokio::test]
async fn a_write_with_a_wrong_clock_is_sent_once_more() {
    let good = ResponseTemplate::new(201).set_body_raw(CREATED, "application/json");
    let server = exchange_ahead(TimeDelta::seconds(40), good, 1).await;
    let bench = bench_of(&server);
    for _ in 0..2 {
        let outcome = bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(matches!(outcome, PlaceOutcome::Accepted { .. }), "{outcome:?}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_that_the_clocks_do_not_explain_is_not_answered_with_more_requests() {
    for (date, requests) in [
        // The clocks agree; there is no date; they differ by more than is made up for; a new signature is refused again.
        (Some(now()), 1),
        (None, 1),
        (Some(now() + TimeDelta::hours(3)), 1),
        (Some(now() + TimeDelta::seconds(60)), 2),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(expired(date))
            .expect(2 * requests)
            .mount(&server)
            .await;
        let read = bench_of(&server).client.fills(DateTime::UNIX_EPOCH).await;
        let told = |words: &str| words.contains("header_timestamp_expired") && words.contains("clock");
        assert!(
            matches!(&read, Err(FeedError::Transient(words)) if told(words)),
            "{read:?}"
        );
        let write = bench_of(&server)
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(matches!(&write, PlaceOutcome::NotSent { .. }), "{write:?}");
    }
}

#[tokio::test]
async fn what_is_not_known_after_the_second_sending_is_unknown() {
    let server = exchange_ahead(TimeDelta::seconds(40), ResponseTemplate::new(502), 1).await;
    let outcome = bench_of(&server)
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert!(matches!(outcome, PlaceOutcome::Unknown { .. }), "{outcome:?}");
}

fn with_ready(server: &MockServer, age: Duration) -> ClientSettings {
    ClientSettings {
        ready_signature_max_age: Some(age),
        ..settings(&server.uri())
    }
}

#[tokio::test]
async fn a_prepared_signature_is_true_and_used_by_one_create_only() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(SignedAt(now()))
        .respond_with(ResponseTemplate::new(201).set_body_raw(CREATED, "application/json"))
        .expect(3)
        .mount(&server)
        .await;
    let client = bench(&with_ready(&server, Duration::from_secs(5))).client;
    assert_eq!(client.prepare_create_signature(), Ok(true));
    for _ in 0..3 {
        let outcome = client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(matches!(outcome, PlaceOutcome::Accepted { .. }), "{outcome:?}");
    }
    let requests = server.received_requests().await.unwrap();
    let mut signatures: Vec<_> = requests
        .iter()
        .map(|r| r.headers.get("kalshi-access-signature").unwrap().clone())
        .collect();
    signatures.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    signatures.dedup();
    assert_eq!(
        signatures.len(),
        3,
        "PSS is randomised: a repeated signature would be a reused one"
    );
}

#[tokio::test]
async fn a_ready_signature_is_an_option_within_the_tolerance() {
    let server = MockServer::start().await;
    assert_eq!(bench_of(&server).client.prepare_create_signature(), Ok(false));
    let keyless = ClientSettings {
        credentials: None,
        ..with_ready(&server, Duration::from_secs(5))
    };
    let error = bench(&keyless).client.prepare_create_signature().unwrap_err();
    assert!(
        matches!(&error, SetupError::NoSignature(words) if words.contains("no API key")),
        "{error}"
    );
    let old = with_ready(&server, Duration::from_secs(11));
    let ports = autotrader_kalshi_api::ClientPorts {
        clock: std::sync::Arc::new(autotrader_domain::ManualClock::new(now())),
        jitter: std::sync::Arc::new(autotrader_kalshi_api::SeededJitter::new(1)),
        sleeper: std::sync::Arc::new(autotrader_kalshi_api::TokioSleeper),
    };
    let error = KalshiClient::new(&old, ports).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a ready signature may be at most 10 s old; lower its age or leave the option out"
    );
}
