//! Real recorded answers of the exchange, value by value. Skipped visibly where they are not at hand.

use autotrader_kalshi_api::OrderOptions;
use std::path::Path;

use autotrader_domain::ports::{
    AccountSource as _, CancelOutcome, FeedError, MarketData as _, OrderGateway as _, PlaceOutcome,
};
use autotrader_domain::{
    BookSide, Contracts, MarketStatus, OrderRequest, OrderState, Price, RejectReason, TimeInForce,
};
use chrono::DateTime;
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::captures::{captures, json_of};
use crate::support::bench_of;

/// A server that gives one captured body with its captured status to every question.
async fn replay(folder: &Path, name: &str) -> MockServer {
    let status = json_of(&folder.join(format!("{name}.meta.json")))["status"]
        .as_u64()
        .unwrap();
    let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(u16::try_from(status).unwrap()).set_body_raw(body, "application/json");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// Serves a captured market listing as one whole series.
async fn serve_listing(markets: &Value) -> MockServer {
    let server = MockServer::start().await;
    let mut tickers: Vec<&str> = markets
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["event_ticker"].as_str().unwrap())
        .collect();
    tickers.sort_unstable();
    tickers.dedup();
    let events: Vec<Value> = tickers
        .iter()
        .map(|t| json!({"event_ticker": t, "series_ticker": "KXALL"}))
        .collect();
    let series = json!({"series": {"ticker": "KXALL", "fee_type": "quadratic", "fee_multiplier": 1}});
    for (at, body) in [
        ("/series/KXALL", series),
        ("/events", json!({"events": events, "cursor": ""})),
        ("/markets", json!({"markets": markets, "cursor": ""})),
    ] {
        Mock::given(method("GET"))
            .and(path(format!("/trade-api/v2{at}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    server
}

#[tokio::test]
async fn every_captured_market_is_read() {
    let Some(folder) = captures() else { return };
    let mut read = 0;
    for name in [
        "page1",
        "page2",
        "page3",
        "garbage_cursor",
        "high_temp",
        "single_filter_lastpage",
        "status_closed",
        "status_open",
        "status_settled",
        "unauth_list",
    ] {
        let file = folder.join(format!("markets__{name}.json"));
        let Some(listed) = json_of(&file).get("markets").cloned() else {
            continue;
        };
        let server = serve_listing(&listed).await;
        let markets = bench_of(&server)
            .client
            .markets(&"KXALL".parse().unwrap())
            .await
            .unwrap();
        let open = listed
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["status"] != "finalized")
            .count();
        assert_eq!(markets.len(), open, "{name}");
        for market in &markets {
            let raw = listed
                .as_array()
                .unwrap()
                .iter()
                .find(|m| m["ticker"] == market.ticker.as_str())
                .unwrap();
            assert_ne!(market.status, MarketStatus::Unknown, "{}", market.ticker);
            assert_eq!(market.result.is_some(), raw["result"] != "", "{}", market.ticker);
            assert_eq!(market.rules_primary, raw["rules_primary"].as_str().unwrap());
            assert_eq!(
                market.grid.ranges()[0].step,
                raw["price_ranges"][0]["step"].as_str().unwrap().parse().unwrap()
            );
            assert_eq!(
                market.close_time,
                raw["close_time"]
                    .as_str()
                    .unwrap()
                    .parse::<DateTime<chrono::Utc>>()
                    .unwrap()
            );
        }
        read += markets.len();
    }
    assert!(read > 200, "{read}");
}

#[tokio::test]
async fn the_captured_book_is_read() {
    let Some(folder) = captures() else { return };
    let server = MockServer::start().await;
    let mut answer = json_of(&folder.join("orderbook__base.json"));
    answer["ticker"] = json!("T");
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"orderbooks": [answer]})))
        .mount(&server)
        .await;
    let books = bench_of(&server)
        .client
        .books(&["T".parse().unwrap()])
        .await
        .unwrap();
    let book = books[0].1.as_ref().unwrap();
    let (bid, ask) = (book.best_bid().unwrap(), book.best_ask().unwrap());
    assert_eq!(
        (bid.price.to_string(), ask.price.to_string()),
        ("0.4700".to_owned(), "0.5200".to_owned())
    );
    assert_eq!((bid.size, ask.size), (Contracts::whole(3), Contracts::whole(3)));
}

#[tokio::test]
async fn captured_account_reads_are_read() {
    let Some(folder) = captures() else { return };
    let server = replay(&folder, "exchange__status").await;
    assert!(bench_of(&server).client.status().await.unwrap().trading_active);

    let server = replay(&folder, "fills__after_taker").await;
    let fills = bench_of(&server)
        .client
        .fills(DateTime::UNIX_EPOCH)
        .await
        .unwrap();
    let last = fills.last().unwrap();
    assert!(
        fills
            .windows(2)
            .all(|pair| pair[0].filled_at <= pair[1].filled_at)
    );
    assert_eq!(last.fee, "0.0175".parse().unwrap());
    assert_eq!(
        (last.price, last.side),
        (Price::parse("0.52").unwrap(), BookSide::Bid)
    );
    assert_eq!(last.client_order_id, None);

    for name in ["settlements__page", "settlements__end_of_session"] {
        let server = replay(&folder, name).await;
        let listed = json_of(&folder.join(format!("{name}.json")))["settlements"]
            .as_array()
            .unwrap()
            .len();
        let read = bench_of(&server)
            .client
            .settlements(DateTime::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(read.len(), listed);
    }

    for (name, state) in [
        ("orders__get_after_create", OrderState::Resting),
        // The recorded lag: still resting 360 ms after an acknowledged cancel.
        ("orders__get_after_cancel", OrderState::Resting),
        ("orders__stp_resting_after", OrderState::Resting),
    ] {
        let raw = json_of(&folder.join(format!("{name}.json")));
        let id = raw["order"]["order_id"].as_str().unwrap();
        let server = replay(&folder, name).await;
        let order = bench_of(&server)
            .client
            .order(&id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(order.state, state, "{name}");
        assert_eq!(
            order.client_order_id.as_deref(),
            raw["order"]["client_order_id"].as_str()
        );
    }
}

#[tokio::test]
async fn a_captured_account_gives_a_snapshot() {
    let Some(folder) = captures() else { return };
    let server = MockServer::start().await;
    for (at, name) in [
        ("portfolio/orders", "portfolio__orders_list"),
        ("portfolio/fills", "fills__after_taker"),
        ("portfolio/positions", "portfolio__positions"),
        ("portfolio/balance", "auth__balance_ok"),
        ("portfolio/settlements", "settlements__page"),
    ] {
        let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        Mock::given(path(format!("/trade-api/v2/{at}")))
            .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
            .mount(&server)
            .await;
    }
    Mock::given(path("/trade-api/v2/exchange/user_data_timestamp"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"as_of_time": "2026-06-11T06:33:00Z"})))
        .mount(&server)
        .await;
    let snapshot = bench_of(&server)
        .client
        .snapshot(DateTime::UNIX_EPOCH)
        .await
        .unwrap();
    let listed = json_of(&folder.join("portfolio__orders_list.json"));
    assert_eq!(snapshot.orders.len(), listed["orders"].as_array().unwrap().len());
    assert!(
        snapshot
            .orders
            .iter()
            .all(|order| order.state != OrderState::Unknown)
    );
    assert_eq!(snapshot.balance.to_string(), "98.018600");
    assert_eq!(snapshot.positions.len(), 1);
    assert_eq!(snapshot.positions[0].1, "3.00".parse().unwrap());
}

/// The order that a capture's own request describes.
pub fn captured_request(folder: &Path, name: &str) -> OrderRequest {
    let sent = &json_of(&folder.join(format!("{name}.meta.json")))["request_body"];
    let text = |key: &str| {
        sent[key]
            .as_str()
            .map_or_else(|| sent[key].to_string(), str::to_owned)
    };
    OrderRequest {
        client_order_id: text("client_order_id").parse().unwrap(),
        ticker: text("ticker").parse().unwrap(),
        side: if text("side") == "bid" {
            BookSide::Bid
        } else {
            BookSide::Ask
        },
        contracts: text("count").parse().unwrap(),
        limit: text("price").parse().unwrap(),
        time_in_force: match text("time_in_force").as_str() {
            "immediate_or_cancel" => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::GoodTillCanceled { expires_at: None },
        },
        reduce_only: false,
        post_only: sent["post_only"].as_bool().unwrap_or(false),
        exchange_index: 0,
        order_group: None,
    }
}

#[tokio::test]
async fn captured_creates_end_as_they_did() {
    let Some(folder) = captures() else { return };
    for (name, expected) in [
        ("orders__create_v2_maker", Ok(("0.00", "1.00"))),
        ("orders__create_v2_taker_ioc", Ok(("1.00", "0.00"))),
        ("orders__stp_self_cross", Ok(("0.00", "0.00"))),
        (
            "orders__duplicate_client_order_id",
            Err(RejectReason::DuplicateOrder),
        ),
        (
            "orders__reuse_canceled_client_id",
            Err(RejectReason::DuplicateOrder),
        ),
        (
            "orders__insufficient_balance",
            Err(RejectReason::InsufficientBalance),
        ),
        ("orders__invalid_price_structure", Err(RejectReason::InvalidPrice)),
        ("orders__numeric_field_types", Err(RejectReason::BadRequest)),
        ("orders__post_only_cross", Err(RejectReason::PostOnlyCross)),
    ] {
        let server = replay(&folder, name).await;
        let outcome = bench_of(&server)
            .client
            .place_with(&captured_request(&folder, name), &OrderOptions::default())
            .await
            .outcome;
        match (outcome, expected) {
            (
                PlaceOutcome::Accepted {
                    filled, remaining, ..
                },
                Ok(counts),
            ) => {
                assert_eq!(
                    (filled.to_string().as_str(), remaining.to_string().as_str()),
                    counts,
                    "{name}"
                );
            }
            (PlaceOutcome::Rejected { reason, .. }, Err(expected)) => assert_eq!(reason, expected, "{name}"),
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn captured_cancels_end_as_they_did() {
    let Some(folder) = captures() else { return };
    for (name, expected) in [
        ("orders__cancel_v2", Some("1.00")),
        ("cleanup__stp_resting", Some("1.00")),
        ("orders__cancel_already_canceled", None),
        ("orders__cancel_executed", None),
        ("orders__cancel_unknown_id", None),
    ] {
        let asked = json_of(&folder.join(format!("{name}.meta.json")))["path"]
            .as_str()
            .unwrap()
            .to_owned();
        let id = asked.rsplit('/').next().unwrap().split('?').next().unwrap();
        let server = replay(&folder, name).await;
        let outcome = bench_of(&server)
            .client
            .cancel(&"T".parse().unwrap(), &id.parse().unwrap())
            .await
            .outcome;
        let expected = expected.map_or(CancelOutcome::NotOnBook, |reduced_by| CancelOutcome::Canceled {
            reduced_by: reduced_by.parse().unwrap(),
        });
        assert_eq!(outcome, expected, "{name}");
    }
}

#[tokio::test]
async fn captured_refusals_of_reads_say_who_must_act() {
    let Some(folder) = captures() else { return };
    for (name, transient, words) in [
        ("auth__bad_signature", false, "INCORRECT_API_KEY_SIGNATURE"),
        ("auth__unknown_key_id", false, "NOT_FOUND"),
        (
            "auth__missing_signature_header",
            false,
            "signature is missing from headers",
        ),
        ("auth__skew_minus30s", true, "check this machine's clock"),
        ("auth__skew_plus5min", true, "check this machine's clock"),
        ("markets__limit_over_max", false, "Parameter validation failed"),
    ] {
        let server = replay(&folder, name).await;
        let error = bench_of(&server)
            .client
            .fills(DateTime::UNIX_EPOCH)
            .await
            .unwrap_err();
        assert_eq!(matches!(error, FeedError::Transient(_)), transient, "{name}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}
