//! Faults of requests, as a client meets them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::BTreeMap;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use autotrader_domain::ports::Clock as _;
use autotrader_simulator::faults::{FaultDesk, FaultKind, FaultRule, FaultSpec, Rate, Scope};
use chrono::{DateTime, TimeDelta, Utc};
use net::{Served, connect, order_body, post, quote, serve};
use serde_json::{Value, json};
use support::{TOP, after, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a client saw of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// A status and a body, whatever it holds.
    Answer(u16, String),
    /// No answer: the connection ended or the client gave up.
    Nothing,
}

impl Seen {
    fn status(&self) -> u16 {
        match self {
            Self::Answer(status, _) => *status,
            Self::Nothing => 0,
        }
    }

    fn json(&self) -> Option<Value> {
        match self {
            Self::Answer(_, text) => serde_json::from_str(text).ok(),
            Self::Nothing => None,
        }
    }
}

fn desk<T>(served: &Served, act: impl FnOnce(&mut FaultDesk) -> T) -> T {
    act(&mut served
        .handle
        .faults()
        .lock()
        .unwrap_or_else(PoisonError::into_inner))
}

fn order_next(served: &Served, kind: FaultKind) {
    desk(served, |desk| desk.next(kind, 1));
}

/// The last fault's kind, place and detail.
fn last_note(served: &Served) -> (FaultKind, String, String) {
    desk(served, |desk| {
        let note = desk.notes().next_back().unwrap();
        (note.kind, note.site.clone(), note.detail.clone())
    })
}

async fn try_ask(served: &Served, method: &str, path: &str, body: Option<&Value>) -> Seen {
    let full = format!("/trade-api/v2{path}");
    let signed = full.split('?').next().unwrap();
    let url = format!("http://{}{full}", served.handle.address());
    let mut request = served.http.request(method.parse().unwrap(), url);
    for (name, value) in served.signed_at(method, signed, served.clock.now()) {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    match request.send().await {
        Err(_) => Seen::Nothing,
        Ok(response) => {
            let status = response.status().as_u16();
            response
                .text()
                .await
                .map_or(Seen::Nothing, |text| Seen::Answer(status, text))
        }
    }
}

async fn create(served: &Served, id: &str) -> Seen {
    let body = order_body(id, "bid", "1.00", "0.4000", "good_till_canceled");
    try_ask(served, "POST", "/portfolio/events/orders", Some(&body)).await
}

fn orders_on_the_exchange(served: &Served) -> usize {
    let trader = served.trader;
    served.exchange(|x| x.orders(trader).count())
}

fn short(kind: FaultKind) -> FaultRule {
    FaultRule {
        amount_ms: 20,
        scope: Scope::Any,
        ..FaultRule::never(kind)
    }
}

#[tokio::test]
async fn an_order_is_processed_before_the_fault_or_not_at_all() {
    let served = serve().await;
    for (kind, answered, processed) in [
        (FaultKind::Latency, true, true),
        (FaultKind::TimeoutBefore, false, false),
        (FaultKind::TimeoutAfter, false, true),
        (FaultKind::ResetBefore, false, false),
        (FaultKind::ResetAfter, false, true),
        (FaultKind::TooManyRequests, true, false),
        (FaultKind::ServerError, true, false),
        (FaultKind::LostAnswer, true, true),
        (FaultKind::TruncatedJson, true, true),
        (FaultKind::UnknownField, true, true),
        (FaultKind::MissingField, true, true),
    ] {
        let before = orders_on_the_exchange(&served);
        desk(&served, |desk| desk.set_rule(kind, short(kind)));
        order_next(&served, kind);
        let seen = create(&served, kind.name()).await;
        assert_eq!(seen != Seen::Nothing, answered, "{kind}: {seen:?}");
        assert_eq!(
            orders_on_the_exchange(&served) - before,
            usize::from(processed),
            "{kind}"
        );
        assert_eq!(desk(&served, |desk| desk.count(kind)), 1, "{kind}");
        // The next order is not affected.
        let next = create(&served, &format!("after-{kind}")).await;
        assert_eq!(next.status(), 201, "{kind}: {next:?}");
    }
    served.handle.stop().await;
}

#[tokio::test]
async fn refusals_have_the_shapes_of_the_exchange_and_of_what_stands_before_it() {
    let served = serve().await;
    order_next(&served, FaultKind::TooManyRequests);
    let seen = try_ask(&served, "GET", "/exchange/status", None).await;
    assert_eq!(
        seen,
        Seen::Answer(429, json!({ "error": "too many requests" }).to_string())
    );
    let mut statuses: BTreeMap<u16, String> = BTreeMap::new();
    desk(&served, |desk| {
        desk.set_rate(FaultKind::ServerError, Rate::ALWAYS);
    });
    for _ in 0..40 {
        let Seen::Answer(status, text) = try_ask(&served, "GET", "/exchange/status", None).await else {
            panic!("a failing server answers");
        };
        statuses.insert(status, text);
    }
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [500, 502, 503, 504]);
    assert!(statuses[&502].contains("502 Bad Gateway"), "{statuses:?}");
    let nested: Value = serde_json::from_str(&statuses[&503]).unwrap();
    assert_eq!(nested["error"]["code"], "service_unavailable");
    served.handle.stop().await;
}

async fn raw(served: &Served) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(served.handle.address()).await?;
    stream
        .write_all(b"GET /trade-api/v2/exchange/status HTTP/1.1\r\nhost: stand-in\r\n\r\n")
        .await?;
    let mut bytes = vec![0; 4_096];
    let read = stream.read(&mut bytes).await?;
    bytes.truncate(read);
    Ok(bytes)
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_an_end() {
    let served = serve().await;
    for kind in [FaultKind::ResetBefore, FaultKind::ResetAfter] {
        order_next(&served, kind);
        let error = raw(&served).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{kind}");
        let answer = raw(&served).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{kind}");
    }
    served.handle.stop().await;
}

#[tokio::test]
async fn all_connections_can_be_reset_at_once_the_silent_ones_too() {
    let served = serve().await;
    let mut reader = connect(&served).await;
    let mut idle = TcpStream::connect(served.handle.address()).await.unwrap();
    // Once it was answered the server has seen it.
    idle.write_all(b"GET /trade-api/v2/exchange/status HTTP/1.1\r\nhost: stand-in\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = vec![0; 4_096];
    assert!(idle.read(&mut bytes).await.unwrap() > 0);
    assert!(served.handle.reset_connections() >= 2);
    assert_eq!(reader.next().await, None);
    let ended = idle.read(&mut bytes).await;
    assert!(
        matches!(&ended, Err(error) if error.kind() == io::ErrorKind::ConnectionReset),
        "{ended:?}"
    );
    served.handle.stop().await;
}

#[tokio::test]
async fn a_client_that_gives_up_first_is_not_processed_afterwards() {
    let served = serve().await;
    order_next(&served, FaultKind::TimeoutBefore);
    let impatient = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let path = "/trade-api/v2/portfolio/events/orders";
    let mut request = impatient.post(format!("http://{}{path}", served.handle.address()));
    for (name, value) in served.signed_at("POST", path, served.clock.now()) {
        request = request.header(name, value);
    }
    let body = order_body("late", "bid", "1.00", "0.4000", "good_till_canceled");
    assert!(
        request
            .body(body.to_string())
            .send()
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(create(&served, "late").await.status(), 201);
    assert_eq!(orders_on_the_exchange(&served), 1);
    served.handle.stop().await;
}

#[tokio::test]
async fn a_skewed_clock_is_seen_in_signatures_and_date_and_ends_by_itself() {
    let served = serve().await;
    order_next(&served, FaultKind::ClockSkew);
    let path = "/trade-api/v2/portfolio/balance";
    let ask = |at: DateTime<Utc>| {
        let mut request = served
            .http
            .get(format!("http://{}{path}", served.handle.address()));
        for (name, value) in served.signed_at("GET", path, at) {
            request = request.header(name, value);
        }
        async move {
            let response = request.send().await.unwrap();
            let date = response.headers()["date"].to_str().unwrap().to_owned();
            let shown = DateTime::parse_from_rfc2822(&date).unwrap().with_timezone(&Utc);
            (response.status().as_u16(), shown)
        }
    };
    let (status, shown) = ask(start()).await;
    assert_eq!((status, shown), (401, after(60)));
    // A client that believes the `Date` of the refusal gets through.
    assert_eq!(ask(shown).await, (200, after(60)));
    let mut requests = 2;
    while ask(start()).await.0 == 401 {
        requests += 1;
        assert!(requests < 100, "the clock is put right at some time");
    }
    assert_eq!(ask(start()).await, (200, start()));
    served.handle.stop().await;
}

#[tokio::test]
async fn reads_stand_still_together_with_the_timestamp_that_tells_of_it() {
    let served = serve().await;
    served.clock.advance_to(after(10));
    order_next(&served, FaultKind::ReadLag);
    assert_eq!(create(&served, "unseen").await.status(), 201);
    for second in [10, 11] {
        served.clock.advance_to(after(second));
        let orders = served.get("/portfolio/orders").await.body;
        assert_eq!(orders["orders"], json!([]), "{second}");
        let shown = served.get("/exchange/user_data_timestamp").await.body;
        let shown: DateTime<Utc> = shown["as_of_time"].as_str().unwrap().parse().unwrap();
        assert_eq!(shown, after(10) - TimeDelta::milliseconds(1), "{second}");
    }
    served.clock.advance_to(after(12));
    let orders = served.get("/portfolio/orders").await.body;
    assert_eq!(orders["orders"][0]["client_order_id"], "unseen");
    served.handle.stop().await;
}

#[tokio::test]
async fn a_listing_read_to_its_end_is_complete_although_its_pages_are_short() {
    let served = serve().await;
    for n in 0..9 {
        assert_eq!(create(&served, &format!("order-{n}")).await.status(), 201);
    }
    desk(&served, |desk| {
        desk.set_rate(FaultKind::PartialPage, Rate::per_ten_thousand(7_000));
    });
    let mut seen = Vec::new();
    let (mut cursor, mut pages, mut empty) = (String::new(), 0, 0);
    loop {
        let answer = served
            .get(&format!("/portfolio/orders?limit=4&cursor={cursor}"))
            .await;
        assert_eq!(answer.status, 200);
        let page = answer.body["orders"].as_array().unwrap().clone();
        empty += usize::from(page.is_empty());
        seen.extend(
            page.into_iter()
                .map(|order| order["client_order_id"].as_str().unwrap().to_owned()),
        );
        answer.body["cursor"].as_str().unwrap().clone_into(&mut cursor);
        pages += 1;
        if cursor.is_empty() {
            break;
        }
        assert!(pages < 1_000);
    }
    seen.sort();
    assert_eq!(seen, (0..9).map(|n| format!("order-{n}")).collect::<Vec<_>>());
    assert!(pages > 3 && empty > 0, "{pages} pages, {empty} empty");
    served.handle.stop().await;
}

#[tokio::test]
async fn spoilt_bodies_say_what_was_spoilt() {
    let served = serve().await;
    quote(&served);
    assert_eq!(create(&served, "one").await.status(), 201);
    let whole = served.get("/portfolio/orders").await.body;

    order_next(&served, FaultKind::MissingField);
    let missing = try_ask(&served, "GET", "/portfolio/orders", None)
        .await
        .json()
        .unwrap();
    let (kind, site, detail) = last_note(&served);
    assert_eq!(
        (kind, site.as_str()),
        (FaultKind::MissingField, "GET /portfolio/orders")
    );
    let pointer = detail.strip_suffix(" removed").unwrap();
    assert!(whole.pointer(pointer).is_some(), "{detail}");
    assert!(missing.pointer(pointer).is_none(), "{detail}");

    order_next(&served, FaultKind::UnknownValue);
    let unknown = try_ask(&served, "GET", "/portfolio/orders", None)
        .await
        .json()
        .unwrap();
    let pointer = last_note(&served).2.split(' ').next().unwrap().to_owned();
    assert_eq!(unknown.pointer(&pointer).unwrap(), "stand_in_unknown_value");

    order_next(&served, FaultKind::UnknownField);
    let more = try_ask(&served, "GET", "/portfolio/orders", None)
        .await
        .json()
        .unwrap();
    let pointer = last_note(&served).2.split(' ').next().unwrap().to_owned();
    assert!(more.pointer(&pointer).is_some() && whole.pointer(&pointer).is_none());

    order_next(&served, FaultKind::TruncatedJson);
    let cut = try_ask(&served, "GET", "/portfolio/orders", None).await;
    assert_eq!((cut.status(), cut.json()), (200, None));
    served.handle.stop().await;
}

#[tokio::test]
async fn refusals_are_not_spoilt() {
    let served = serve().await;
    for kind in [
        FaultKind::TruncatedJson,
        FaultKind::UnknownField,
        FaultKind::MissingField,
    ] {
        order_next(&served, kind);
    }
    let refused = try_ask(&served, "GET", "/markets/NONE", None).await;
    assert_eq!(refused.json().unwrap()["error"]["code"], "not_found");
    assert_eq!(desk(&served, |desk| desk.fired().len()), 0);
    served.handle.stop().await;
}

#[tokio::test]
async fn the_leaderboard_fails_by_its_own_kinds_only() {
    let served = serve().await;
    for kind in FaultKind::ALL
        .iter()
        .filter(|kind| !kind.name().starts_with("page_"))
    {
        order_next(&served, *kind);
    }
    let page = || async {
        let response = served
            .http
            .get(served.handle.leaderboard_url())
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(page().await, (200, net::PAGE.to_owned()));
    order_next(&served, FaultKind::PageError);
    assert_eq!(page().await.0, 500);
    order_next(&served, FaultKind::PageTruncated);
    let (status, text) = page().await;
    assert_eq!(status, 200);
    assert!(
        text.len() < net::PAGE.len() && net::PAGE.starts_with(&text),
        "{text}"
    );
    desk(&served, |desk| {
        desk.set_rule(FaultKind::PageSlow, short(FaultKind::PageSlow));
    });
    order_next(&served, FaultKind::PageSlow);
    assert_eq!(page().await.0, 200);
    assert_eq!(desk(&served, |desk| desk.count(FaultKind::PageSlow)), 1);
    served.handle.stop().await;
}

/// What a client does: reads, entries that rest, entries that trade, cancels.
async fn session(served: &Served, rounds: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    for round in 0..rounds {
        // Some of it changes with time, and a standstill ends.
        served.clock.advance_to(after(i64::try_from(round).unwrap()));
        let id = format!("round-{round}");
        let (side, tif) = match round % 3 {
            0 => ("bid", "good_till_canceled"),
            1 => ("ask", "good_till_canceled"),
            _ => ("bid", "immediate_or_cancel"),
        };
        let price = if side == "bid" { "0.5200" } else { "0.9000" };
        let body = order_body(&id, side, "0.10", price, tif);
        let created = try_ask(served, "POST", "/portfolio/events/orders", Some(&body)).await;
        let order_id = created
            .json()
            .and_then(|body| body["order_id"].as_str().map(str::to_owned));
        seen.push(created);
        if let Some(order_id) = order_id {
            let path = format!("/portfolio/events/orders/{order_id}");
            seen.push(try_ask(served, "DELETE", &path, None).await);
        }
        for path in [
            "/portfolio/orders",
            "/portfolio/fills",
            "/portfolio/positions",
            "/markets?limit=2",
        ] {
            seen.push(try_ask(served, "GET", path, None).await);
        }
        seen.push(try_ask(served, "GET", &format!("/markets/{TOP}"), None).await);
    }
    seen
}

const REST: &str = "latency=300:1ms,timeout_before=150:1ms,timeout_after=150:1ms,reset_before=150,reset_after=150,\
                    too_many_requests=200,server_error=200,lost_answer=500,truncated_json=200,unknown_field=200,\
                    unknown_value=300,missing_field=200,clock_skew=100,partial_page=300,read_lag=200:1500ms";

async fn faulty_session(seed: u64, rounds: usize) -> (Vec<Seen>, BTreeMap<FaultKind, u64>, Vec<String>) {
    let served = serve().await;
    quote(&served);
    let spec: FaultSpec = REST.parse().unwrap();
    desk(&served, |desk| *desk = spec.desk(seed));
    let seen = session(&served, rounds).await;
    let (fired, notes) = desk(&served, |desk| {
        let notes = desk
            .notes()
            .map(|note| format!("{} {} {}", note.kind, note.site, note.detail))
            .collect();
        (desk.fired(), notes)
    });
    served.exchange(|x| {
        assert_eq!(x.total(), x.opening_cash(), "the ledger balances under faults");
    });
    served.handle.stop().await;
    (seen, fired, notes)
}

#[tokio::test]
async fn under_every_fault_the_ledger_balances_and_each_is_met() {
    let (seen, fired, _) = faulty_session(5, 150).await;
    let spec: FaultSpec = REST.parse().unwrap();
    for (kind, _) in spec.rules() {
        assert!(
            fired.get(kind).is_some_and(|count| *count > 0),
            "{kind} never happened: {fired:?}"
        );
    }
    let statuses: std::collections::BTreeSet<u16> = seen.iter().map(Seen::status).collect();
    for status in [0, 200, 201, 401, 429, 500, 502, 503, 504] {
        assert!(statuses.contains(&status), "{status} never seen: {statuses:?}");
    }
}

#[tokio::test]
async fn equal_seeds_and_requests_give_equal_faults_and_others_others() {
    let (first, second, other) = (
        faulty_session(9, 25).await,
        faulty_session(9, 25).await,
        faulty_session(10, 25).await,
    );
    assert_eq!(first, second);
    assert_ne!(first.2, other.2);
}

#[tokio::test]
async fn the_handshake_of_a_stream_can_be_refused() {
    let served = serve().await;
    desk(&served, |desk| {
        desk.set_rule(
            FaultKind::ServerError,
            FaultRule {
                rate: Rate::ALWAYS,
                amount_ms: 0,
                scope: "GET:/ws/v2".parse().unwrap(),
            },
        );
    });
    let path = "/trade-api/ws/v2";
    let headers = served.signed_at("GET", path, served.clock.now());
    let answer = served.send("GET", path, &headers, None).await;
    assert!(answer.status >= 500, "{answer:?}");
    assert_eq!(
        post(
            &served,
            &order_body("fine", "bid", "1", "0.40", "good_till_canceled")
        )
        .await
        .status,
        201
    );
    served.handle.stop().await;
}
