//! Alerts to Discord, against a stand-in on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autotrader_domain::ports::Notifier;
use autotrader_domain::{Alert, Severity};
use autotrader_monitoring::{DiscordNotifier, DiscordSettings, DiscordStats, WebhookError};
use chrono::{DateTime, TimeDelta};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const PATH: &str = "/api/webhooks/123/secret-token";

/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(60);

fn settings() -> DiscordSettings {
    DiscordSettings {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        attempts: 3,
        ..DiscordSettings::default()
    }
}

fn start(address: &str, settings: DiscordSettings) -> Result<DiscordNotifier, WebhookError> {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    DiscordNotifier::start(SecretString::from(address), settings, &Handle::current())
}

async fn server(answer: impl Fn(usize) -> ResponseTemplate + Send + Sync + 'static) -> (MockServer, String) {
    let server = MockServer::start().await;
    let answered = AtomicUsize::new(0);
    Mock::given(method("POST"))
        .and(path(PATH))
        .and(header("content-type", "application/json"))
        .respond_with(move |_: &Request| answer(answered.fetch_add(1, Ordering::SeqCst)))
        .mount(&server)
        .await;
    let address = format!("{}{PATH}", server.uri());
    (server, address)
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(204)
}

fn alert(name: &str, second: i64) -> Alert {
    Alert {
        severity: Severity::Warning,
        name: name.to_owned(),
        text: format!("Something about {name}."),
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
    }
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect()
}

#[tokio::test]
async fn alerts_arrive_in_order_and_mention_nobody() {
    let (server, address) = server(|_| ok()).await;
    let notifier = start(&address, settings()).unwrap();
    for name in ["one", "two", "three"] {
        notifier.notify(alert(name, 0));
    }
    let stats = notifier.drain(LONG).await;
    assert_eq!((stats.sent, stats.dead_lettered, stats.dropped), (3, 0, 0));
    let bodies = bodies(&server).await;
    for (body, name) in bodies.iter().zip(["one", "two", "three"]) {
        assert!(
            body["content"].as_str().unwrap().contains(&format!("`{name}`")),
            "{body}"
        );
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    }
    assert_eq!(bodies.len(), 3);
}

#[tokio::test]
async fn like_alerts_within_the_window_are_one() {
    let (server, address) = server(|_| ok()).await;
    let notifier = start(&address, settings()).unwrap();
    for second in [0, 10, 20, 100] {
        notifier.notify(alert("same", second));
    }
    let stats = notifier.drain(LONG).await;
    assert_eq!((stats.sent, stats.suppressed), (2, 2));
    let bodies = bodies(&server).await;
    assert!(
        bodies[1]["content"]
            .as_str()
            .unwrap()
            .contains("(2 more like it)")
    );
}

#[rstest]
#[case::server_errors(500)]
#[case::bad_gateway(502)]
#[case::rate_limit_without_a_time(429)]
#[tokio::test]
async fn passing_failures_are_tried_again(#[case] status: u16) {
    let (server, address) = server(move |n| {
        if n < 2 {
            ResponseTemplate::new(status)
        } else {
            ok()
        }
    })
    .await;
    let notifier = start(&address, settings()).unwrap();
    notifier.notify(alert("a", 0));
    assert_eq!(notifier.drain(LONG).await.sent, 1);
    assert_eq!(bodies(&server).await.len(), 3);
}

#[rstest]
#[case::in_the_body(ResponseTemplate::new(429).set_body_json(json!({ "retry_after": 0.001, "global": false })))]
#[case::in_the_header(ResponseTemplate::new(429).insert_header("retry-after", "0"))]
#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait(#[case] limited: ResponseTemplate) {
    // Own pauses are longer than the test may last, so only the asked one can have been used.
    let slow = DiscordSettings {
        first_pause: Duration::from_secs(3_600),
        longest_pause: Duration::from_secs(3_600),
        ..settings()
    };
    let (_server, address) = server(move |n| if n == 0 { limited.clone() } else { ok() }).await;
    let notifier = start(&address, slow).unwrap();
    notifier.notify(alert("a", 0));
    assert_eq!(notifier.drain(LONG).await.sent, 1);
}

#[tokio::test]
async fn an_alert_is_given_up_after_its_attempts_and_the_next_goes_on() {
    let (server, address) = server(|n| if n < 3 { ResponseTemplate::new(500) } else { ok() }).await;
    let notifier = start(&address, settings()).unwrap();
    notifier.notify(alert("lost", 0));
    notifier.notify(alert("next", 0));
    let stats = notifier.drain(LONG).await;
    assert_eq!((stats.sent, stats.dead_lettered), (1, 1));
    assert_eq!(bodies(&server).await.len(), 4);
}

#[rstest]
#[case::no_such_webhook(404)]
#[case::bad_request(400)]
#[case::a_redirect(302)]
#[tokio::test]
async fn a_refusal_is_not_tried_again(#[case] status: u16) {
    let (server, address) =
        server(move |_| ResponseTemplate::new(status).insert_header("location", "https://example.org/"))
            .await;
    let notifier = start(&address, settings()).unwrap();
    notifier.notify(alert("a", 0));
    assert_eq!(notifier.drain(LONG).await.dead_lettered, 1);
    assert_eq!(bodies(&server).await.len(), 1);
}

#[tokio::test]
async fn nobody_listening_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}{PATH}", listener.local_addr().unwrap());
    drop(listener);
    let notifier = start(&address, settings()).unwrap();
    notifier.notify(alert("a", 0));
    assert_eq!(notifier.drain(LONG).await.dead_lettered, 1);
}

#[tokio::test]
async fn the_queue_is_bounded_and_notifying_never_waits() {
    // The test's runtime has one thread, so the sending task does not run before the drain.
    let (_server, address) = server(|_| ok()).await;
    let small = DiscordSettings {
        queue: 2,
        ..settings()
    };
    let notifier = start(&address, small).unwrap();
    for name in ["a", "b", "c", "d"] {
        notifier.notify(alert(name, 0));
    }
    let stats = notifier.drain(LONG).await;
    assert_eq!((stats.sent, stats.dropped), (2, 2));
}

#[tokio::test]
async fn a_drain_ends_in_time_and_counts_what_is_left() {
    let (_server, address) = server(|_| ok().set_delay(Duration::from_secs(3_600))).await;
    let notifier = start(&address, settings()).unwrap();
    notifier.notify(alert("a", 0));
    notifier.notify(alert("b", 0));
    let stats = notifier.drain(Duration::from_millis(20)).await;
    assert_eq!(
        stats,
        DiscordStats {
            dead_lettered: 2,
            ..DiscordStats::default()
        }
    );
    assert_eq!(
        notifier.drain(LONG).await,
        stats,
        "a second drain changes nothing"
    );
}

#[tokio::test]
async fn after_the_drain_alerts_are_dropped() {
    let (_server, address) = server(|_| ok()).await;
    let notifier = start(&address, settings()).unwrap();
    notifier.drain(LONG).await;
    notifier.notify(alert("late", 0));
    assert_eq!(notifier.stats().dropped, 1);
}

#[tokio::test]
async fn the_address_is_never_shown() {
    let (_server, address) = server(|_| ok()).await;
    let notifier = start(&address, settings()).unwrap();
    assert!(!format!("{notifier:?}").contains("secret-token"));
    assert!(format!("{notifier:?}").contains("sent: 0"));
    let refused = start("https://example.org/api/webhooks/123/secret-token", settings()).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("secret-token"));
}
