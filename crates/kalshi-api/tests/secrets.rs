//! What must never be printed: the key id, the key, signatures. A program of its own, because the log of a whole process is
//! looked through.

// Helpers outside `#[test]` functions may unwrap: a failure here is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "it/support.rs"]
mod support;

use autotrader_kalshi_api::OrderOptions;
use std::io::Write;
use std::sync::{Arc, Mutex};

use autotrader_domain::ports::{AccountSource as _, OrderGateway as _};
use autotrader_domain::{BookSide, OrderRequest, TimeInForce};
use autotrader_kalshi_api::{ClientSettings, Credentials};
use chrono::DateTime;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use support::{KEY_ID, bench, credentials, now, private_pem, settings};

/// Keeps everything that is written.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Every line of the key's Base64 text, the key id, and the signatures that were sent.
fn secrets(signatures: &[String]) -> Vec<String> {
    let body = private_pem()
        .lines()
        .filter(|line| !line.starts_with("-----") && line.len() > 8)
        .map(str::to_owned);
    std::iter::once(KEY_ID.to_owned())
        .chain(body)
        .chain(signatures.iter().cloned())
        .collect()
}

#[track_caller]
fn check(text: &str, signatures: &[String]) {
    for secret in secrets(signatures) {
        assert!(!text.contains(&secret), "`{secret}` is in {text}");
    }
}

async fn refusing_server() -> MockServer {
    let server = MockServer::start().await;
    let body =
        r#"{"error":{"code":"authentication_error","message":"m","details":"INCORRECT_API_KEY_SIGNATURE"}}"#;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).set_body_raw(body, "application/json"))
        .mount(&server)
        .await;
    server
}

fn request() -> OrderRequest {
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

/// The events of the whole process at every level: of this client and of the libraries below it.
#[tokio::test]
async fn no_log_at_any_level_holds_a_secret() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(kept.clone())
        .finish();
    let server = refusing_server().await;
    // Events of the `log` crate come along.
    subscriber.init();
    let settings = ClientSettings {
        ready_signature_max_age: Some(std::time::Duration::from_secs(5)),
        ..settings(&server.uri())
    };
    let bench = bench(&settings);
    assert_eq!(bench.client.prepare_create_signature(), Ok(true));
    let outcome = bench
        .client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    let cancel = bench
        .client
        .cancel(&request().ticker, &"o-1".parse().unwrap())
        .await
        .outcome;
    let read = bench.client.snapshot(DateTime::UNIX_EPOCH).await;
    let text = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    assert!(
        text.contains("kalshi_request") && text.contains("TRACE"),
        "something was logged: {text}"
    );
    let sent: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .filter_map(|r| {
            Some(
                r.headers
                    .get("kalshi-access-signature")?
                    .to_str()
                    .unwrap()
                    .to_owned(),
            )
        })
        .collect();
    assert!(sent.len() >= 2);
    check(&text, &sent);
    check(
        &format!("{outcome:?} {cancel:?} {read:?} {bench:?}", bench = bench.client),
        &sent,
    );
}

#[test]
fn no_debug_output_holds_a_secret() {
    let credentials = credentials();
    let signed = credentials.sign(now(), "GET", "/a").unwrap();
    let signature = [signed.signature.clone()];
    let settings = settings("http://127.0.0.1:1");
    check(
        &format!("{credentials:?} {signed:?} {settings:?} {settings:#?}"),
        &signature,
    );
    let client = bench(&settings).client;
    check(&format!("{client:?} {client:#?}"), &signature);
}

#[test]
fn no_error_about_a_key_quotes_it() {
    let pem = private_pem();
    let cut = pem.get(..pem.len() / 2).unwrap();
    let wrong_label = pem.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    for text in [
        cut,
        &wrong_label,
        &pem.replace("PRIVATE", "PUBLIC"),
        &pem.replace('A', "*"),
    ] {
        let error = Credentials::from_pem(KEY_ID, text.as_bytes()).unwrap_err();
        check(&format!("{error} {error:?}"), &[]);
    }
}
