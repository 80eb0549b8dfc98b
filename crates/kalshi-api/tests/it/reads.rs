//! Reads: pages, retries, limits, and the shape of every question.

use autotrader_domain::ports::{AccountSource as _, FeedError, MarketData as _};
use autotrader_domain::{FeeSchedule, FeeType, MarketStatus, OrderState, SeriesTicker, Ticker};
use autotrader_kalshi_api::{BucketSize, RateLimits, RetryPolicy};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{Signed, Unsigned, bench, bench_of, settings};

fn series() -> SeriesTicker {
    "KXTOPMODEL".parse().unwrap()
}

fn market(ticker: &str, event: &str, status: &str) -> Value {
    json!({
        "ticker": ticker, "event_ticker": event, "market_type": "binary", "status": status,
        "close_time": "2027-01-04T15:00:00Z", "notional_value_dollars": "1.0000",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "rules_primary": "r1", "rules_secondary": "r2", "yes_sub_title": "y", "result": "",
    })
}

fn event(ticker: &str, series: &str) -> Value {
    json!({"event_ticker": ticker, "series_ticker": series, "title": "t"})
}

async fn mount(server: &MockServer, at: &str, body: Value) {
    Mock::given(method("GET"))
        .and(path(format!("/trade-api/v2{at}")))
        .and(Unsigned)
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

async fn mount_series(server: &MockServer) {
    let body = json!({"series": {"ticker": "KXTOPMODEL", "fee_type": "quadratic", "fee_multiplier": 1}});
    mount(server, "/series/KXTOPMODEL", body).await;
}

#[tokio::test]
async fn markets_are_read_page_by_page_with_the_terms_of_their_events() {
    let server = MockServer::start().await;
    mount_series(&server).await;
    let mut special = event("E2", "KXTOPMODEL");
    special["fee_type_override"] = json!("flat");
    special["fee_multiplier_override"] = json!(0.5);
    mount(
        &server,
        "/events",
        json!({"events": [event("E1", "KXTOPMODEL"), special], "cursor": ""}),
    )
    .await;
    // E3 was created after the events were listed.
    mount(
        &server,
        "/events/E3",
        json!({"event": event("E3", "KXTOPMODEL"), "markets": []}),
    )
    .await;
    let pages = [
        (
            None,
            json!({"markets": [market("M3", "E3", "active"), market("M1", "E1", "active")], "cursor": "c1"}),
        ),
        (
            Some("c1"),
            json!({"markets": [market("M1", "E1", "active"), market("M2", "E2", "determined")], "cursor": "c2"}),
        ),
        (
            Some("c2"),
            json!({"markets": [market("M0", "E0", "finalized")], "cursor": ""}),
        ),
    ];
    for (cursor, body) in pages {
        let mock = Mock::given(path("/trade-api/v2/markets"))
            .and(query_param("series_ticker", "KXTOPMODEL"))
            .and(query_param("limit", "1000"));
        let mock = match cursor {
            Some(cursor) => mock.and(query_param("cursor", cursor)),
            None => mock.and(query_param_is_missing("cursor")),
        };
        mock.respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
            .mount(&server)
            .await;
    }
    let markets = bench_of(&server).client.markets(&series()).await.unwrap();
    let found: Vec<_> = markets
        .iter()
        .map(|m| (m.ticker.as_str(), m.status, m.fees.fee_type))
        .collect();
    assert_eq!(
        found,
        [
            ("M1", MarketStatus::Active, FeeType::Quadratic),
            ("M2", MarketStatus::Determined, FeeType::Unsupported),
            ("M3", MarketStatus::Active, FeeType::Quadratic),
        ]
    );
}

#[tokio::test]
async fn one_unreadable_market_fails_the_listing_with_its_place() {
    let server = MockServer::start().await;
    mount_series(&server).await;
    mount(
        &server,
        "/events",
        json!({"events": [event("E1", "KXTOPMODEL")], "cursor": ""}),
    )
    .await;
    let mut broken = market("M2", "E1", "active");
    broken.as_object_mut().unwrap().remove("close_time");
    let body = json!({"markets": [market("M1", "E1", "active"), broken], "cursor": ""});
    mount(&server, "/markets", body).await;
    let error = bench_of(&server).client.markets(&series()).await.unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.markets[1].close_time"),
        "{error}"
    );
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_fails() {
    // A cursor that is not known gives the first page again, with the cursor it always had.
    let server = MockServer::start().await;
    mount_series(&server).await;
    mount(&server, "/events", json!({"events": [], "cursor": ""})).await;
    mount(
        &server,
        "/markets",
        json!({"markets": [market("M1", "E1", "active")], "cursor": "again"}),
    )
    .await;
    let error = bench_of(&server).client.markets(&series()).await.unwrap_err();
    assert!(
        matches!(&error, FeedError::Transient(words) if words.contains("round in circles")),
        "{error}"
    );
}

#[tokio::test]
async fn a_listing_without_its_cursor_is_not_taken_for_complete() {
    let server = MockServer::start().await;
    mount_series(&server).await;
    mount(&server, "/events", json!({"events": []})).await;
    let error = bench_of(&server).client.markets(&series()).await.unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.cursor"),
        "{error}"
    );
}

#[tokio::test]
async fn one_market_is_read_whatever_its_status() {
    let server = MockServer::start().await;
    mount_series(&server).await;
    let mut settled = market("M1", "E1", "finalized");
    settled["result"] = json!("yes");
    settled["settlement_value_dollars"] = json!("1.0000");
    mount(&server, "/markets/M1", json!({"market": settled})).await;
    mount(
        &server,
        "/events/E1",
        json!({"event": event("E1", "KXTOPMODEL"), "markets": []}),
    )
    .await;
    let bench = bench_of(&server);
    let market = bench.client.market(&"M1".parse().unwrap()).await.unwrap();
    assert_eq!(market.status, MarketStatus::Finalized);
    assert_eq!(market.settlement_value, Some(autotrader_domain::Price::ONE));
    assert_eq!(market.series, series());
    assert_eq!(market.fees, FeeSchedule::QUADRATIC);
    let absent = bench.client.market(&"M9".parse().unwrap()).await.unwrap_err();
    assert!(
        matches!(&absent, FeedError::Refused(words) if words.starts_with("HTTP 404")),
        "{absent}"
    );
}

#[tokio::test]
async fn books_are_asked_for_by_the_hundred_with_a_repeated_parameter() {
    let server = MockServer::start().await;
    Mock::given(path("/trade-api/v2/markets/orderbooks"))
        .respond_with(|request: &Request| {
            let asked: Vec<String> = request.url.query_pairs().map(|(_, v)| v.into_owned()).collect();
            assert!(asked.len() <= 100 && request.url.query_pairs().all(|(k, _)| k == "tickers"));
            let book = |t: &String| json!({"ticker": t, "orderbook_fp": {"yes_dollars": [["0.4000", "1.00"]], "no_dollars": null}});
            ResponseTemplate::new(200).set_body_json(json!({"orderbooks": asked.iter().map(book).collect::<Vec<_>>()}))
        })
        .expect(3)
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    let tickers: Vec<Ticker> = (0..250).map(|n| format!("M{n}").parse().unwrap()).collect();
    let books = bench.client.books(&tickers).await.unwrap();
    assert_eq!(books.iter().map(|(t, _)| t.clone()).collect::<Vec<_>>(), tickers);
    assert!(
        books
            .iter()
            .all(|(_, book)| book.as_ref().is_ok_and(|b| b.best_ask().is_none()))
    );
    assert!(bench.client.books(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_outage_that_tells_its_status_is_an_answer() {
    let server = MockServer::start().await;
    Mock::given(path("/trade-api/v2/exchange/status"))
        .respond_with(ResponseTemplate::new(503).set_body_json(json!({
            "exchange_active": false, "trading_active": false, "exchange_estimated_resume_time": null
        })))
        .expect(1)
        .mount(&server)
        .await;
    let status = bench_of(&server).client.status().await.unwrap();
    assert!(!status.exchange_active && !status.trading_active);
}

#[tokio::test]
async fn reads_retry_what_passes_and_not_what_a_person_must_mend() {
    for (status, body, requests) in [
        (500, "", 4),
        (503, "", 4),
        (429, r#"{"error":"too many requests"}"#, 4),
        (400, r#"{"msg":"Parameter validation failed"}"#, 1),
        (
            401,
            r#"{"error":{"code":"authentication_error","message":"m"}}"#,
            1,
        ),
        (403, "", 1),
        (301, "", 1),
    ] {
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(ResponseTemplate::new(status).set_body_raw(body, "application/json"))
            .expect(requests)
            .mount(&server)
            .await;
        let bench = bench_of(&server);
        let error = bench.client.fills(DateTime::UNIX_EPOCH).await.unwrap_err();
        let transient = matches!(error, FeedError::Transient(_));
        assert_eq!(transient, requests > 1, "{status}: {error}");
        assert_eq!(bench.waits() as u64, requests - 1);
    }
}

#[tokio::test]
async fn a_read_that_recovers_is_a_success() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    mount(
        &server,
        "/exchange/status",
        json!({"exchange_active": true, "trading_active": true}),
    )
    .await;
    let bench = bench_of(&server);
    assert!(bench.client.status().await.unwrap().trading_active);
    assert_eq!(bench.waits(), 2);
}

#[tokio::test]
async fn an_outage_is_not_met_with_a_multiple_of_the_load() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(503))
        // Five reads and the two retries of the budget.
        .expect(7)
        .mount(&server)
        .await;
    let mut settings = settings(&server.uri());
    settings.retry = RetryPolicy {
        budget: 2,
        ..RetryPolicy::default()
    };
    let bench = bench(&settings);
    for _ in 0..5 {
        assert!(bench.client.status().await.is_err());
    }
}

#[tokio::test]
async fn reads_wait_for_their_turn() {
    let server = MockServer::start().await;
    mount(
        &server,
        "/exchange/status",
        json!({"exchange_active": true, "trading_active": true}),
    )
    .await;
    let mut settings = settings(&server.uri());
    settings.limits = RateLimits {
        read: Some(BucketSize {
            capacity: 20,
            refill_per_second: 10,
        }),
        ..RateLimits::BASIC
    };
    let bench = bench(&settings);
    for _ in 0..4 {
        assert!(bench.client.status().await.is_ok());
    }
    let waits: Vec<u128> = bench
        .sleeper
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|w| w.as_millis())
        .collect();
    assert_eq!(waits, [1000, 2000]);
}

#[tokio::test]
async fn compressed_answers_are_read_within_the_cap() {
    let server = MockServer::start().await;
    let gzip = |text: &str| {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let mount_gzip = |at: &str, body: Vec<u8>| {
        Mock::given(path(format!("/trade-api/v2{at}")))
            .and(|request: &Request| {
                request
                    .headers
                    .get("accept-encoding")
                    .is_some_and(|v| v.to_str().unwrap().contains("gzip"))
            })
            .respond_with(
                ResponseTemplate::new(200)
                    .insert_header("content-encoding", "gzip")
                    .set_body_raw(body, "application/json"),
            )
    };
    mount_gzip(
        "/exchange/status",
        gzip(r#"{"exchange_active":true,"trading_active":true}"#),
    )
    .mount(&server)
    .await;
    // Thirty megabytes of blanks in thirty kilobytes.
    mount_gzip("/series/KXTOPMODEL", gzip(&" ".repeat(30 << 20)))
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    assert!(bench.client.status().await.unwrap().trading_active);
    let error = bench.client.markets(&series()).await.unwrap_err().to_string();
    assert!(error.contains("larger than 16777216 bytes"), "{error}");
}

async fn mount_account(server: &MockServer) {
    let since = query_param("min_ts", "1795359599");
    let signed = |at: &str| {
        Mock::given(method("GET"))
            .and(path(format!("/trade-api/v2{at}")))
            .and(Signed)
    };
    let order = |id: &str, status: &str, filled: &str, remaining: &str| {
        json!({"order_id": id, "client_order_id": "kat1-1", "ticker": "T", "status": status,
               "fill_count_fp": filled, "remaining_count_fp": remaining})
    };
    let body = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    mount(
        server,
        "/exchange/user_data_timestamp",
        json!({"as_of_time": "2026-11-22T14:59:59Z"}),
    )
    .await;
    // Two markets of one exclusive event; the other one is not held.
    Mock::given(path("/trade-api/v2/markets"))
        .and(query_param("tickers", "T,U"))
        .respond_with(body(json!({"cursor": "", "markets": [
            {"ticker": "T", "event_ticker": "E"}, {"ticker": "U", "event_ticker": "E"},
        ]})))
        .mount(server)
        .await;
    let market = |ticker: &str| json!({"ticker": ticker, "result": ""});
    mount(
        server,
        "/events/E",
        json!({"event": {"event_ticker": "E", "collateral_return_type": "MECNET"},
               "markets": [market("S"), market("T"), market("U")]}),
    )
    .await;
    // `b` filled between the two listings: the later word holds.
    signed("/portfolio/orders")
        .and(query_param("status", "resting"))
        .and(query_param_is_missing("min_ts"))
        .respond_with(body(json!({"cursor": "", "orders": [
            order("a", "resting", "0.00", "5.00"), order("b", "resting", "0.00", "5.00"),
        ]})))
        .expect(1)
        .mount(server)
        .await;
    signed("/portfolio/orders")
        .and(query_param_is_missing("status"))
        .and(since)
        .respond_with(body(
            json!({"cursor": "", "orders": [order("b", "executed", "5.00", "0.00")]}),
        ))
        .expect(1)
        .mount(server)
        .await;
    let fill = |id: &str, at: &str| {
        json!({"fill_id": id, "order_id": "b", "ticker": "T", "book_side": "ask", "count_fp": "2.50",
               "yes_price_dollars": "0.5200", "is_taker": true, "fee_cost": "0.017500", "created_time": at})
    };
    signed("/portfolio/fills")
        .respond_with(body(json!({"cursor": "", "fills": [
            fill("a-last", "2026-11-22T15:00:00.2Z"), fill("f2", "2026-11-22T15:00:00.2Z"), fill("f1", "2026-11-22T15:00:00.1Z"),
        ]})))
        .expect(1)
        .mount(server)
        .await;
    signed("/portfolio/positions")
        .and(query_param("count_filter", "position"))
        .respond_with(body(json!({"event_positions": [], "market_positions": [
            {"ticker": "T", "position_fp": "-5.00"}, {"ticker": "S", "position_fp": "0.00"},
            {"ticker": "U", "position_fp": "-2.00"},
        ]})))
        .expect(1)
        .mount(server)
        .await;
    signed("/portfolio/balance")
        .and(query_param("exchange_index", "0"))
        .respond_with(body(
            json!({"balance": 9801, "balance_dollars": "98.0186", "portfolio_value": 0, "updated_ts": 1}),
        ))
        .expect(1)
        .mount(server)
        .await;
    signed("/portfolio/settlements")
        .respond_with(body(json!({"settlements": [{
            "ticker": "S", "market_result": "yes", "yes_count_fp": "3.00", "no_count_fp": "0.00",
            "revenue": 300, "value": 100, "settled_time": "2026-11-22T14:59:59.5Z",
        }]})))
        .expect(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_snapshot_reads_the_whole_account() {
    let server = MockServer::start().await;
    mount_account(&server).await;
    let since: DateTime<Utc> = "2026-11-22T15:00:00.9Z".parse().unwrap();
    let snapshot = bench_of(&server).client.snapshot(since).await.unwrap();
    assert_eq!(snapshot.as_of, Some("2026-11-22T14:59:59Z".parse().unwrap()));
    let orders: Vec<_> = snapshot
        .orders
        .iter()
        .map(|o| (o.venue_order_id.as_str(), o.state, o.filled.to_string()))
        .collect();
    assert_eq!(
        orders,
        [
            ("a", OrderState::Resting, "0.00".to_owned()),
            ("b", OrderState::Filled, "5.00".to_owned())
        ]
    );
    assert_eq!(
        snapshot
            .fills
            .iter()
            .map(|f| f.fill_id.as_str())
            .collect::<Vec<_>>(),
        ["f1", "f2", "a-last"]
    );
    assert_eq!(
        snapshot.positions,
        [
            ("T".parse().unwrap(), "-5".parse().unwrap()),
            ("U".parse().unwrap(), "-2".parse().unwrap())
        ]
    );
    assert_eq!(snapshot.collateral_return.to_string(), "2.000000");
    assert_eq!(snapshot.balance.to_string(), "98.018600");
    assert_eq!(snapshot.settlements.len(), 1);
    let asked: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|r| r.url.path().trim_start_matches("/trade-api/v2").to_owned())
        .collect();
    assert_eq!(
        asked[0], "/exchange/user_data_timestamp",
        "the lag indicator comes first"
    );
}

#[tokio::test]
async fn a_snapshot_is_complete_or_failed() {
    let server = MockServer::start().await;
    mount_account(&server).await;
    // A later mock with a higher priority breaks one part.
    Mock::given(path("/trade-api/v2/portfolio/balance"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"balance": 9801})))
        .with_priority(1)
        .mount(&server)
        .await;
    let since: DateTime<Utc> = "2026-11-22T15:00:00Z".parse().unwrap();
    let error = bench_of(&server).client.snapshot(since).await.unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.balance_dollars"),
        "{error}"
    );
    server.reset().await;
}

#[tokio::test]
async fn one_order_is_read_by_its_id() {
    let server = MockServer::start().await;
    let body = json!({"order": {"order_id": "o-1", "client_order_id": "", "ticker": "T", "status": "canceled",
        "fill_count_fp": "1.00", "remaining_count_fp": "0.00"}});
    Mock::given(path("/trade-api/v2/portfolio/orders/o-1"))
        .and(Signed)
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(1)
        .mount(&server)
        .await;
    let order = bench_of(&server)
        .client
        .order(&"o-1".parse().unwrap())
        .await
        .unwrap();
    assert_eq!((order.state, order.client_order_id), (OrderState::Canceled, None));
}
