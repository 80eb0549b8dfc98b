//! Connections that fail: what may have been received and what certainly was not.

use autotrader_kalshi_api::OrderOptions;
use std::time::Duration;

use autotrader_domain::ports::{CancelOutcome, FeedError, MarketData as _, OrderGateway as _, PlaceOutcome};
use autotrader_kalshi_api::{ClientSettings, KalshiClient};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::orders::request;
use crate::support::{bench, settings};

/// What a raw server does with each connection after reading the request.
#[derive(Clone, Copy)]
enum Behaviour {
    CloseWithoutAnswer,
    Answer(&'static str),
    NeverAnswer,
}

/// Serves every connection the same way; returns its origin and a count of the requests read.
async fn raw_server(behaviour: Behaviour) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&read);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 16_384];
            if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                continue;
            }
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            match behaviour {
                Behaviour::CloseWithoutAnswer => drop(stream),
                Behaviour::Answer(text) => {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    drop(stream);
                }
                Behaviour::NeverAnswer => kept.push(stream),
            }
        }
    });
    (origin, read)
}

fn client(settings: &ClientSettings) -> KalshiClient {
    bench(settings).client
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&settings(&origin));
    let outcome = client
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert!(
        matches!(&outcome, PlaceOutcome::NotSent { detail } if detail.contains("onnect")),
        "{outcome:?}"
    );
    let outcome = client
        .cancel(&request().ticker, &"o-1".parse().unwrap())
        .await
        .outcome;
    assert!(matches!(outcome, CancelOutcome::Unknown { .. }), "{outcome:?}");
    let status = client.status().await;
    assert!(matches!(status, Err(FeedError::Transient(_))), "{status:?}");
}

#[tokio::test]
async fn what_may_have_been_received_is_unknown_and_sent_once() {
    let cut = "HTTP/1.1 201 Created\r\ncontent-length: 400\r\n\r\n{\"order_id\":\"o-1\"";
    let garbage = "SMTP/1.0 hello\r\n\r\n";
    let html = "HTTP/1.1 201 Created\r\ncontent-length: 6\r\n\r\n<html>";
    for behaviour in [
        Behaviour::CloseWithoutAnswer,
        Behaviour::Answer(cut),
        Behaviour::Answer(garbage),
        Behaviour::Answer(html),
        Behaviour::NeverAnswer,
    ] {
        let (origin, read) = raw_server(behaviour).await;
        let mut settings = settings(&origin);
        settings.request_timeout = Duration::from_millis(200);
        let outcome = client(&settings)
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome;
        assert!(matches!(outcome, PlaceOutcome::Unknown { .. }), "{outcome:?}");
        assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_cap_is_not_read_to_its_end() {
    let (origin, _) = raw_server(Behaviour::Answer(
        "HTTP/1.1 201 Created\r\ncontent-length: 2000\r\n\r\n0123456789",
    ))
    .await;
    let mut settings = settings(&origin);
    settings.max_body_bytes = 5;
    let outcome = client(&settings)
        .place_with(&request(), &OrderOptions::default())
        .await
        .outcome;
    assert!(
        matches!(&outcome, PlaceOutcome::Unknown { detail } if detail.contains("larger than 5 bytes")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn reads_that_time_out_are_retried_and_then_transient() {
    let (origin, read) = raw_server(Behaviour::NeverAnswer).await;
    let mut settings = settings(&origin);
    settings.request_timeout = Duration::from_millis(60);
    let bench = bench(&settings);
    let status = bench.client.status().await;
    assert!(matches!(status, Err(FeedError::Transient(_))), "{status:?}");
    assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 4);
    assert_eq!(bench.waits(), 3);
}
