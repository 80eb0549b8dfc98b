//! The stream over real sockets on loopback: handshake, commands, a broken connection, and coming back.

use std::collections::BTreeSet;
use std::sync::Arc;

use autotrader_domain::{ManualClock, Ticker};
use autotrader_kalshi_api::websocket::{
    Channel, DisconnectCause, MarketStream, ReconcileCause, StreamEvent, StreamHandle, StreamSettings,
    UnknownCause,
};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Jitter, Signer, TokioSleeper, install_tls_provider,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::support::{KEY_ID, now, settings, verifies};

const PATH: &str = "/trade-api/ws/v2";

/// No wait between two tries.
#[derive(Debug)]
struct NoJitter;

impl Jitter for NoJitter {
    fn fraction(&self) -> f64 {
        0.0
    }
}

fn start(url: &str, client: &ClientSettings, channels: &[Channel]) -> (StreamHandle, Receiver<StreamEvent>) {
    install_tls_provider();
    let clock = Arc::new(ManualClock::new(now()));
    let signer = Arc::new(Signer::new(client, Arc::clone(&clock) as _));
    let mut settings = StreamSettings::new(url, signer).unwrap();
    settings.limits.channels = channels.iter().copied().collect();
    let ports = ClientPorts {
        clock,
        jitter: Arc::new(NoJitter),
        sleeper: Arc::new(TokioSleeper),
    };
    MarketStream::connect(settings, ports).unwrap()
}

async fn listen() -> (TcpListener, String, ClientSettings) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = settings(&format!("http://{address}"));
    (listener, format!("ws://{address}{PATH}"), client)
}

/// Takes one connection and checks that its handshake is signed as documented.
async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (tcp, _) = listener.accept().await.unwrap();
    // The signature of this callback is the library's.
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let check = |request: &Request, response: Response| {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        assert_eq!(request.uri().path(), PATH);
        assert_eq!(header("kalshi-access-key"), KEY_ID);
        let timestamp = header("kalshi-access-timestamp");
        assert_eq!(timestamp, now().timestamp_millis().to_string());
        assert!(verifies(
            &format!("{timestamp}GET{PATH}"),
            &header("kalshi-access-signature")
        ));
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(tcp, check).await.unwrap()
}

async fn command(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, frame: Value) {
    socket.send(Message::text(format!("{frame}\n"))).await.unwrap();
}

/// Answers the subscription to one market with a book of one bid.
async fn give_book(socket: &mut WebSocketStream<TcpStream>, ticker: &str, size: &str) {
    let asked = command(socket).await;
    assert_eq!(asked["cmd"], "subscribe");
    assert_eq!(asked["params"]["channels"], json!(["orderbook_delta"]));
    assert_eq!(asked["params"]["market_tickers"], json!([ticker]));
    assert_eq!(asked["params"]["use_yes_price"], json!(true));
    say(
        socket,
        json!({"type": "subscribed", "id": asked["id"], "msg": {"channel": "orderbook_delta", "sid": 1}}),
    )
    .await;
    say(
        socket,
        json!({"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {"market_ticker": ticker,
            "market_id": "m", "yes_dollars_fp": [["0.4700", size]]}}),
    )
    .await;
}

fn ticker() -> Ticker {
    "KXA-1".parse().unwrap()
}

#[tokio::test]
async fn a_stream_comes_up_breaks_comes_back_and_stops() {
    let (listener, url, client) = listen().await;
    let (handle, mut events) = start(&url, &client, &[Channel::Orderbook]);
    handle.set_markets(BTreeSet::from([ticker()]));
    let mut socket = accept(&listener).await;
    give_book(&mut socket, "KXA-1", "3.00").await;
    assert_eq!(events.recv().await, Some(StreamEvent::Connected));
    let reconcile = StreamEvent::Reconcile {
        why: ReconcileCause::Connected,
    };
    assert_eq!(events.recv().await, Some(reconcile.clone()));
    assert_eq!(events.recv().await, Some(StreamEvent::BookChanged(ticker())));
    let best = |handle: &StreamHandle| handle.books().book(&ticker()).unwrap().best_bid().unwrap();
    assert_eq!(best(&handle).size, "3.00".parse().unwrap());
    assert!(handle.health().is_settled);

    // A ping is answered.
    socket
        .send(Message::Ping(b"heartbeat".to_vec().into()))
        .await
        .unwrap();
    match socket.next().await.unwrap().unwrap() {
        Message::Pong(body) => assert_eq!(&body[..], b"heartbeat"),
        other => panic!("{other:?}"),
    }

    // Reset without a closing frame, as seen on the real exchange.
    drop(socket);
    assert!(matches!(
        events.recv().await,
        Some(StreamEvent::Disconnected {
            why: DisconnectCause::Lost(_)
        })
    ));
    assert_eq!(
        events.recv().await,
        Some(StreamEvent::BookUnknown {
            ticker: ticker(),
            why: UnknownCause::Disconnected
        })
    );
    assert_eq!(handle.books().book(&ticker()), None);

    let mut socket = accept(&listener).await;
    give_book(&mut socket, "KXA-1", "5.00").await;
    assert_eq!(events.recv().await, Some(StreamEvent::Connected));
    assert_eq!(events.recv().await, Some(reconcile));
    assert_eq!(events.recv().await, Some(StreamEvent::BookChanged(ticker())));
    assert_eq!(best(&handle).size, "5.00".parse().unwrap());
    let health = handle.health();
    assert_eq!(
        (health.counters.connections, health.counters.disconnections),
        (2, 1)
    );

    handle.stop().await;
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn markets_are_added_to_a_running_stream() {
    let (listener, url, client) = listen().await;
    let (handle, mut events) = start(&url, &client, &[Channel::Orderbook]);
    handle.set_markets(BTreeSet::from([ticker()]));
    let mut socket = accept(&listener).await;
    give_book(&mut socket, "KXA-1", "3.00").await;
    while events.recv().await != Some(StreamEvent::BookChanged(ticker())) {}
    handle.set_markets(BTreeSet::from([ticker(), "KXA-2".parse().unwrap()]));
    let asked = command(&mut socket).await;
    assert_eq!(
        asked["params"],
        json!({"sid": 1, "market_tickers": ["KXA-2"], "action": "add_markets"})
    );
    drop(handle);
    assert_eq!(events.recv().await, None, "a dropped handle stops the stream");
}

#[tokio::test]
async fn a_refused_handshake_is_told_in_words() {
    let (listener, url, client) = listen().await;
    let (_handle, mut events) = start(&url, &client, &[Channel::Fill]);
    let (mut tcp, _) = listener.accept().await.unwrap();
    let mut seen = vec![0; 4096];
    let _read = tcp.read(&mut seen).await.unwrap();
    let body = r#"{"error":{"code":"authentication_error","message":"authentication_error","details":"INCORRECT_API_KEY_SIGNATURE"}}"#;
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(answer.as_bytes()).await.unwrap();
    match events.recv().await {
        Some(StreamEvent::Disconnected {
            why: DisconnectCause::Unauthorized(words),
        }) => assert!(words.contains("HTTP 401"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_signed_for_other_hosts() {
    let (_listener, _url, client) = listen().await;
    let (_handle, mut events) = start("wss://kalshi.example/trade-api/ws/v2", &client, &[Channel::Fill]);
    match events.recv().await {
        Some(StreamEvent::Disconnected {
            why: DisconnectCause::NotAllowed(words),
        }) => assert!(words.contains("kalshi.example"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_oversized_message_breaks_the_connection_and_not_the_memory() {
    let (listener, url, client) = listen().await;
    let (_handle, mut events) = start(&url, &client, &[Channel::Fill]);
    let mut socket = accept(&listener).await;
    let huge = "x".repeat(5 << 20);
    // The other side may have closed before all of it was sent.
    let _sent = socket.send(Message::text(huge)).await;
    loop {
        match events.recv().await {
            Some(StreamEvent::Disconnected {
                why: DisconnectCause::Lost(_),
            }) => break,
            Some(_) => {}
            None => panic!("the stream ended"),
        }
    }
}

#[tokio::test]
async fn a_burst_larger_than_one_turn_takes_loses_nothing() {
    const CHANGES: u64 = 3_000;
    let (listener, url, client) = listen().await;
    let (handle, mut events) = start(&url, &client, &[Channel::Orderbook]);
    handle.set_markets(BTreeSet::from([ticker()]));
    let mut socket = accept(&listener).await;
    give_book(&mut socket, "KXA-1", "1.00").await;
    while events.recv().await != Some(StreamEvent::BookChanged(ticker())) {}
    for number in 0..CHANGES {
        let frame = json!({"type": "orderbook_delta", "sid": 1, "seq": 2 + number, "msg": {
            "market_ticker": "KXA-1", "market_id": "m", "price_dollars": "0.4700", "delta_fp": "0.01",
            "side": "yes"}});
        socket.feed(Message::text(format!("{frame}\n"))).await.unwrap();
    }
    socket.flush().await.unwrap();
    let size = |handle: &StreamHandle| Some(handle.books().book(&ticker())?.best_bid()?.size);
    while size(&handle) != Some("31.00".parse().unwrap()) {
        assert!(
            !matches!(events.recv().await, Some(StreamEvent::BookUnknown { .. }) | None),
            "{:?}",
            handle.health()
        );
    }
    let counters = handle.health().counters;
    assert_eq!((counters.deltas, counters.gaps), (CHANGES, 0));
}
