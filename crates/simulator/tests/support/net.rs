//! A served world over loopback, and a signing client.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must fail the test at once"
)]

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use autotrader_domain::ManualClock;
use autotrader_domain::ports::Clock as _;
use autotrader_simulator::exchange::{AccountId, AccountKind, Exchange};
use autotrader_simulator::server::{ServerHandle, ServerOptions, SimKeys, Tier, spawn};
use autotrader_simulator::{Faults, PageResponse, SimulatedWorld};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::support::{TOP, ask, bid, exchange, m, start};

/// The page the site serves, long enough to be worth compressing.
pub const PAGE: &str = "<html><body>the leaderboard the leaderboard the leaderboard</body></html>";

/// A world of one exchange, one page and scripted faults.
#[derive(Debug)]
pub struct TestWorld {
    pub exchange: Exchange,
    pub faults: Faults,
    pub page: PageResponse,
}

impl SimulatedWorld for TestWorld {
    fn advance_to(&mut self, at: DateTime<Utc>) {
        self.exchange.advance(at);
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn leaderboard(&mut self, path: &str, _at: DateTime<Utc>) -> PageResponse {
        if path == "/leaderboard/text/overall-no-style-control" {
            self.page.clone()
        } else {
            PageResponse::text(404, "no such leaderboard")
        }
    }

    fn faults(&self, _at: DateTime<Utc>) -> Faults {
        self.faults
    }
}

pub fn keys() -> &'static SimKeys {
    static KEYS: OnceLock<SimKeys> = OnceLock::new();
    KEYS.get_or_init(|| SimKeys::from_seed(1).unwrap())
}

/// A running server, its world, its clock and a client that signs for its trader.
pub struct Served {
    pub world: Arc<Mutex<TestWorld>>,
    pub clock: Arc<ManualClock>,
    pub handle: ServerHandle,
    pub trader: AccountId,
    pub maker: AccountId,
    pub http: reqwest::Client,
    signer: RsaKeyPair,
}

/// The status and the body of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub text: String,
}

pub fn private_der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

pub async fn serve() -> Served {
    serve_with(None).await
}

pub async fn serve_with(move_every: Option<Duration>) -> Served {
    serve_options(ServerOptions {
        move_every,
        limits: Some(Tier::UNLIMITED),
        ..ServerOptions::default()
    })
    .await
}

/// A served world with options; the keys are the trader's.
pub async fn serve_options(mut options: ServerOptions) -> Served {
    // A second test of the same process finds it installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut exchange = exchange();
    let trader = exchange.open_account("trader", AccountKind::Member, m("1000"), start());
    let maker = exchange.open_account("maker", AccountKind::House, m("100000"), start());
    let page = PageResponse {
        status: 200,
        content_type: "text/html; charset=utf-8",
        headers: vec![("etag", "\"one\"".to_owned())],
        body: PAGE.into(),
        gzip: Some(bytes_of_gzip(PAGE.as_bytes()).into()),
    };
    let world = Arc::new(Mutex::new(TestWorld {
        exchange,
        faults: Faults::default(),
        page,
    }));
    let clock = Arc::new(ManualClock::new(start()));
    options.keys = keys().api_keys().into_iter().map(|key| (key, trader)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = spawn(
        listener,
        Arc::clone(&world),
        Arc::clone(&clock) as _,
        options,
        std::future::pending(),
    )
    .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let signer = RsaKeyPair::from_pkcs8(&private_der(keys().private_pem())).unwrap();
    Served {
        world,
        clock,
        handle,
        trader,
        maker,
        http,
        signer,
    }
}

fn bytes_of_gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Served {
    pub fn exchange<T>(&self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        act(&mut self.world.lock().unwrap().exchange)
    }

    pub fn faults(&self, faults: Faults) {
        self.world.lock().unwrap().faults = faults;
    }

    pub fn signature(&self, message: &str) -> String {
        let mut signature = vec![0; self.signer.public().modulus_len()];
        self.signer
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        STANDARD.encode(signature)
    }

    /// The three headers of a signed request at a time.
    pub fn signed_at(&self, method: &str, path: &str, at: DateTime<Utc>) -> [(&'static str, String); 3] {
        let timestamp = at.timestamp_millis().to_string();
        let signature = self.signature(&format!("{timestamp}{method}{path}"));
        [
            ("KALSHI-ACCESS-KEY", keys().key_id().to_owned()),
            ("KALSHI-ACCESS-TIMESTAMP", timestamp),
            ("KALSHI-ACCESS-SIGNATURE", signature),
        ]
    }

    /// A signed request under `/trade-api/v2`; the query is not signed.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let full = format!("/trade-api/v2{path}");
        let signed = full.split('?').next().unwrap();
        let headers = self.signed_at(method, signed, self.clock.now());
        self.send(method, &full, &headers, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<&str>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.handle.address());
        let mut request = self
            .http
            .request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status: StatusCode = response.status();
        let text = response.text().await.unwrap();
        Answer {
            status: status.as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }
}

/// A create request on the model market.
pub fn order_body(client_order_id: &str, side: &str, count: &str, price: &str, tif: &str) -> Value {
    json!({
        "ticker": TOP,
        "client_order_id": client_order_id,
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": tif,
        "self_trade_prevention_type": "taker_at_cross",
    })
}

/// Sends a create request.
pub async fn post(served: &Served, body: &Value) -> Answer {
    served
        .ask("POST", "/portfolio/events/orders", Some(&body.to_string()))
        .await
}

/// A maker's four quotes on the model market: 0.45 and 0.47 bid, 0.52 and 0.55 asked.
pub fn quote(served: &Served) {
    let maker = served.maker;
    served.exchange(|x| {
        x.submit(maker, bid(TOP, "3", "0.47"), start()).unwrap();
        x.submit(maker, bid(TOP, "7.25", "0.45"), start()).unwrap();
        x.submit(maker, ask(TOP, "3", "0.52"), start()).unwrap();
        x.submit(maker, ask(TOP, "10", "0.55"), start()).unwrap();
    });
}

/// Long enough for anything that will come at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// A conversation over the WebSocket.
pub struct Reader {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Opens a signed conversation.
pub async fn connect(served: &Served) -> Reader {
    let mut request = served.handle.websocket_url().into_client_request().unwrap();
    for (name, value) in served.signed_at("GET", "/trade-api/ws/v2", served.clock.now()) {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (socket, response) = connect_async(request).await.unwrap();
    assert_eq!(response.status(), 101);
    Reader { socket }
}

impl Reader {
    pub async fn send(&mut self, command: Value) {
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .unwrap();
    }

    /// The next message; `None` when the connection ends.
    pub async fn next(&mut self) -> Option<Value> {
        let text = self.next_text().await?;
        assert!(text.ends_with('\n'), "frames end with a line feed");
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The next message as it came, sound or not; `None` when the connection ends.
    pub async fn next_text(&mut self) -> Option<String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap();
            match message {
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("unexpected {other:?}"),
            }
        }
    }

    pub async fn ask(&mut self, command: Value) -> Value {
        self.send(command).await;
        self.next().await.unwrap()
    }
}
