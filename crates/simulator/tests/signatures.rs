//! Who may ask for what: signatures, clocks, keys.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use autotrader_domain::ports::Clock as _;
use autotrader_simulator::server::SimKeys;
use chrono::TimeDelta;
use net::serve;
use serde_json::{Value, json};

#[tokio::test]
async fn signatures_are_checked_as_captured() {
    let served = serve().await;
    let path = "/trade-api/v2/portfolio/balance";
    let details = |words: &str| json!({ "error": { "code": "authentication_error", "message": "authentication_error", "details": words } });
    let now = served.clock.now();
    let check = async |headers: &[(&str, String)], expected: Value| {
        let answer = served.send("GET", path, headers, None).await;
        assert_eq!((answer.status, &answer.body), (401, &expected));
    };
    let sound = served.signed_at("GET", path, now);
    assert_eq!(served.send("GET", path, &sound, None).await.status, 200);
    let missing = "signature is missing from headers";
    check(
        &sound[..2],
        json!({ "error": { "code": "signature_is_missing_from_headers", "message": missing } }),
    )
    .await;
    let mut unknown = sound.clone();
    unknown[0].1 = "00000000-0000-0000-0000-000000000000".to_owned();
    check(&unknown, details("NOT_FOUND")).await;
    for (method, other) in [
        ("GET", "/portfolio/balance"),
        ("POST", path),
        ("GET", "/trade-api/v2/portfolio/balance?limit=1"),
        ("GET", "/trade-api/v2/portfolio/fills"),
    ] {
        check(
            &served.signed_at(method, other, now),
            details("INCORRECT_API_KEY_SIGNATURE"),
        )
        .await;
    }
    let mut garbled = sound.clone();
    garbled[2].1 = "not base64!".to_owned();
    check(&garbled, details("INCORRECT_API_KEY_SIGNATURE")).await;
    for seconds in [-300, -30, -11, 11, 300] {
        let headers = served.signed_at("GET", path, now + TimeDelta::seconds(seconds));
        let message = "header timestamp expired";
        check(
            &headers,
            json!({ "error": { "code": "header_timestamp_expired", "message": message } }),
        )
        .await;
    }
    for seconds in [-10, -5, 5, 10] {
        let headers = served.signed_at("GET", path, now + TimeDelta::seconds(seconds));
        assert_eq!(
            served.send("GET", path, &headers, None).await.status,
            200,
            "{seconds} s"
        );
    }
    served.clock.advance_to(now + TimeDelta::seconds(11));
    assert_eq!(
        served.send("GET", path, &sound, None).await.status,
        401,
        "the clock is the world's"
    );
}

#[tokio::test]
async fn every_private_path_needs_a_signature() {
    let served = serve().await;
    for (method, path) in [
        ("GET", "/account/limits"),
        ("GET", "/portfolio/balance"),
        ("GET", "/portfolio/positions"),
        ("GET", "/portfolio/fills"),
        ("GET", "/portfolio/settlements"),
        ("GET", "/portfolio/orders"),
        ("GET", "/portfolio/orders/x"),
        ("POST", "/portfolio/events/orders"),
        ("DELETE", "/portfolio/events/orders"),
        ("DELETE", "/portfolio/events/orders/x"),
    ] {
        let answer = served
            .send(method, &format!("/trade-api/v2{path}"), &[], Some("{}"))
            .await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    for path in [
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/series",
        "/series/KXLLM1",
        "/series/fee_changes",
        "/events",
        "/events/KXLLM1-26SEP28",
        "/markets",
        "/markets/trades",
        "/account/endpoint_costs",
    ] {
        let answer = served
            .send("GET", &format!("/trade-api/v2{path}"), &[], None)
            .await;
        assert_eq!(answer.status, 200, "{path} is public");
    }
}

#[test]
fn key_files_are_for_the_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let keys = SimKeys::from_seed(2).unwrap();
    for _ in 0..2 {
        let files = keys.write_to(dir.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&files.key_id).unwrap(), keys.key_id());
        let pem = std::fs::read_to_string(&files.private_key).unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for file in [&files.key_id, &files.private_key] {
                assert_eq!(
                    std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
                    0o600
                );
            }
        }
    }
    assert!(!format!("{keys:?}").contains("PRIVATE"));
    assert_eq!(SimKeys::from_seed(2).unwrap().private_pem(), keys.private_pem());
}
