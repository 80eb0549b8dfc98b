//! The leaderboard over HTTP, against a stand-in site on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use autotrader_arena_signals::{HttpSource, HttpSourceSettings, SourceSettingsError};
use autotrader_domain::ManualClock;
use autotrader_domain::ports::{LeaderboardSource, RawPage, SourceFailure};
use rstest::rstest;
use wiremock::matchers::{any, header, headers, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const PATH: &str = "/leaderboard/text/overall-no-style-control";
const PAGE: &str = "<html>a leaderboard</html>";

fn source(primary: &str, fallbacks: &[&str]) -> HttpSource {
    source_with(primary, fallbacks, HttpSourceSettings::default())
}

fn source_with(primary: &str, fallbacks: &[&str], settings: HttpSourceSettings) -> HttpSource {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = ManualClock::new("2026-05-07T18:00:00Z".parse().unwrap());
    let fallbacks: Vec<String> = fallbacks.iter().map(|url| (*url).to_owned()).collect();
    HttpSource::new(primary, &fallbacks, settings, Arc::new(clock)).unwrap()
}

fn url(server: &MockServer) -> String {
    format!("{}{PATH}", server.uri())
}

async fn serve(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(PATH))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn fetch_from(server: &MockServer) -> Result<RawPage, SourceFailure> {
    source(&url(server), &[]).fetch().await
}

fn html(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.as_bytes().to_vec(), "text/html; charset=utf-8")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_page_comes_with_its_source_size_and_origin() {
    let server = serve(html(200, PAGE).insert_header("date", "Thu, 07 May 2026 17:59:59 GMT")).await;
    let page = fetch_from(&server).await.unwrap();
    assert_eq!(page.body, PAGE);
    assert_eq!(page.source, "primary");
    assert_eq!(page.origin, "date:2026-05-07T17:59:59Z");
    assert_eq!(page.compressed_bytes, Some(PAGE.len() as u64));
    assert_eq!(page.fetched_at.to_rfc3339(), "2026-05-07T18:00:00+00:00");
}

#[tokio::test]
async fn the_request_says_honestly_what_it_is_and_takes_compression() {
    let server = serve(html(200, PAGE)).await;
    fetch_from(&server).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let sent = |name: &str| requests[0].headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(
        sent("user-agent"),
        Some(concat!("autotrader/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(sent("accept-encoding"), Some("br, gzip"));
    for absent in [
        "cookie",
        "referer",
        "authorization",
        "if-none-match",
        "if-modified-since",
    ] {
        assert_eq!(sent(absent), None, "{absent}");
    }
}

#[rstest]
#[case::gzip("gzip", gzip(PAGE.as_bytes()))]
#[case::brotli("br", {
    let mut wire = Vec::new();
    brotli::CompressorWriter::new(&mut wire, 4096, 5, 22).write_all(PAGE.as_bytes()).unwrap();
    wire
})]
#[tokio::test]
async fn compressed_pages_are_decompressed(#[case] encoding: &str, #[case] wire: Vec<u8>) {
    let length = wire.len() as u64;
    let answer = ResponseTemplate::new(200)
        .insert_header("content-encoding", encoding)
        .set_body_bytes(wire);
    let page = fetch_from(&serve(answer).await).await.unwrap();
    assert_eq!(page.body, PAGE);
    assert_eq!(page.compressed_bytes, Some(length));
}

#[rstest]
#[case::gzip_bomb(
    ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(gzip(&vec![0; 60_000_000])),
    "too_large"
)]
#[case::too_large(ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 9_000_000]), "too_large")]
#[case::broken_gzip(
    ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(&b"not gzip"[..]),
    "decode"
)]
#[case::not_asked_for(
    ResponseTemplate::new(200).insert_header("content-encoding", "zstd").set_body_bytes(&b"x"[..]),
    "decode"
)]
#[case::missing(html(404, "<html>not here</html>"), "http_status")]
#[case::server_error(html(500, "<html>oops</html>"), "http_status")]
#[case::no_content(ResponseTemplate::new(204), "http_status")]
#[case::forbidden_in_json(ResponseTemplate::new(403).set_body_raw("{}", "application/json"), "http_status")]
#[case::not_modified_unasked(ResponseTemplate::new(304), "http_status")]
#[case::a_board_with_an_error_status(html(503, r#""voteCutoffISOString":"2026""#), "http_status")]
#[case::redirect_off_host(ResponseTemplate::new(301).insert_header("location", "https://example.org/leaderboard/text/overall-no-style-control"), "redirect")]
#[case::redirect_to_another_page(ResponseTemplate::new(302).insert_header("location", "/leaderboard/text"), "redirect")]
#[case::redirect_to_itself(ResponseTemplate::new(307).insert_header("location", PATH), "redirect")]
#[case::redirect_nowhere(ResponseTemplate::new(308), "redirect")]
#[tokio::test]
async fn failures_have_codes_and_words(#[case] answer: ResponseTemplate, #[case] code: &str) {
    let server = serve(answer).await;
    let failure = fetch_from(&server).await.unwrap_err();
    assert_eq!(failure.code, code, "{failure}");
    assert_eq!(failure.source_name, "primary");
    assert!(failure.detail.starts_with("primary: "), "{failure}");
    assert!(!failure.detail.contains("http://"), "{failure}");
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout() {
    let server = serve(html(200, PAGE).set_delay(Duration::from_secs(60))).await;
    let hasty = HttpSourceSettings {
        timeout: Duration::from_millis(50),
        ..HttpSourceSettings::default()
    };
    let source = source_with(&url(&server), &[], hasty);
    assert_eq!(source.fetch().await.unwrap_err().code, "timeout");
}

#[tokio::test]
async fn nobody_listening_is_a_connection_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}{PATH}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(source(&address, &[]).fetch().await.unwrap_err().code, "connect");
}

#[tokio::test]
async fn a_block_page_comes_as_a_page_for_the_gate_to_name() {
    for status in [403, 429, 503] {
        let server = serve(html(status, "<title>Attention Required! | Cloudflare</title>")).await;
        let page = fetch_from(&server).await.unwrap();
        assert_eq!(page.body, "<title>Attention Required! | Cloudflare</title>");
    }
}

#[tokio::test]
async fn one_redirect_to_the_same_page_on_an_allowed_host_is_followed() {
    let target = serve(html(200, PAGE)).await;
    let from = serve(ResponseTemplate::new(301).insert_header("location", url(&target))).await;
    let page = source(&url(&from), &[&url(&target)]).fetch().await.unwrap();
    assert_eq!(
        (page.source.as_str(), &page.body[..]),
        ("primary", PAGE.as_bytes())
    );
}

#[tokio::test]
async fn the_fallback_answers_when_the_primary_fails() {
    let broken = serve(html(500, "")).await;
    let whole = serve(html(200, PAGE)).await;
    let page = source(&url(&broken), &[&url(&whole)]).fetch().await.unwrap();
    assert_eq!(page.source, "fallback");
}

#[tokio::test]
async fn the_fallback_answers_when_the_primary_blocks() {
    let blocking = serve(html(403, "<html>blocked</html>")).await;
    let whole = serve(html(200, PAGE)).await;
    let both = source(&url(&blocking), &[&url(&whole)]);
    assert_eq!(both.fetch().await.unwrap().source, "fallback");
    let dead = serve(html(500, "")).await;
    let neither = source(&url(&blocking), &[&url(&dead)]);
    assert_eq!(neither.fetch().await.unwrap().body, "<html>blocked</html>");
}

#[tokio::test]
async fn when_all_fail_every_failure_is_told() {
    let (one, other) = (serve(html(500, "")).await, serve(html(404, "")).await);
    let failure = source(&url(&one), &[&url(&other), &url(&one)])
        .fetch()
        .await
        .unwrap_err();
    assert_eq!(failure.source_name, "fallback2");
    assert_eq!(
        failure.detail,
        "primary: http_status, status 500; fallback: http_status, status 404; fallback2: http_status, status 500"
    );
}

#[tokio::test]
async fn validators_are_sent_back_and_a_confirmation_repeats_the_page() {
    let server = MockServer::start().await;
    Mock::given(header("if-none-match", "\"v1\""))
        // The matcher splits values at commas.
        .and(headers(
            "if-modified-since",
            vec!["Thu", "07 May 2026 14:00:00 GMT"],
        ))
        .respond_with(
            ResponseTemplate::new(304)
                .insert_header("etag", "\"v1\"")
                .insert_header("date", "Thu, 07 May 2026 18:00:30 GMT"),
        )
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(
            html(200, PAGE)
                .insert_header("etag", "\"v1\"")
                .insert_header("last-modified", "Thu, 07 May 2026 14:00:00 GMT")
                .insert_header("date", "Thu, 07 May 2026 18:00:00 GMT"),
        )
        .mount(&server)
        .await;
    let source = source(&url(&server), &[]);
    let first = source.fetch().await.unwrap();
    let second = source.fetch().await.unwrap();
    let third = source.fetch().await.unwrap();
    let statuses = server.received_requests().await.unwrap().len();
    assert_eq!(statuses, 3);
    assert_eq!((&second.body, &third.body), (&first.body, &first.body));
    assert_eq!(
        second.body.as_ptr(),
        first.body.as_ptr(),
        "the same bytes, not a copy"
    );
    // A confirmation by the site is an answer of its own; the same one from a cache is not.
    assert_ne!(second.origin, first.origin);
    assert_eq!(third.origin, second.origin);
}

#[tokio::test]
async fn validators_belong_to_the_last_full_answer_of_their_address() {
    let server = MockServer::start().await;
    let answers = std::sync::atomic::AtomicUsize::new(0);
    Mock::given(any())
        .respond_with(move |_: &Request| {
            let answer = answers.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            match answer {
                0 => html(200, "one").insert_header("etag", "\"v1\""),
                _ => html(200, "two"),
            }
        })
        .mount(&server)
        .await;
    let source = source(&url(&server), &[]);
    let bodies = [
        source.fetch().await.unwrap().body,
        source.fetch().await.unwrap().body,
        source.fetch().await.unwrap().body,
    ];
    assert_eq!(bodies, ["one", "two", "two"]);
    let sent: Vec<bool> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.headers.contains_key("if-none-match"))
        .collect();
    assert_eq!(sent, [false, true, false]);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_poll() {
    // One connection is accepted; a second request can only come over it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            answer_once(&socket, PAGE).await;
        }
    });
    let source = source(&address, &[]);
    for _ in 0..2 {
        assert_eq!(source.fetch().await.unwrap().body, PAGE);
    }
    server.await.unwrap();
}

/// Reads one request head from a socket and answers it.
async fn answer_once(socket: &tokio::net::TcpStream, body: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        socket.readable().await.unwrap();
        let mut buffer = [0; 1024];
        match socket.try_read(&mut buffer) {
            Ok(read) => request.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.writable().await.unwrap();
    assert_eq!(socket.try_write(answer.as_bytes()).unwrap(), answer.len());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        socket.writable().await.unwrap();
        socket
            .try_write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .unwrap();
    });
    assert_eq!(source(&address, &[]).fetch().await.unwrap_err().code, "connect");
    server.await.unwrap();
}

#[test]
fn an_address_that_is_not_allowed_is_named() {
    let clock = Arc::new(ManualClock::new("2026-05-07T18:00:00Z".parse().unwrap()));
    let refused = HttpSource::new("http://example.org/a", &[], HttpSourceSettings::default(), clock);
    assert_eq!(
        refused.err(),
        Some(SourceSettingsError::Url {
            url: "http://example.org/a".to_owned(),
            problem: "http is for loopback only; use https".to_owned(),
        })
    );
}
