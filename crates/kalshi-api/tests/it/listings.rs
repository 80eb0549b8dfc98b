//! Listings as streams, and reads of single things.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use autotrader_domain::FeeType;
use autotrader_domain::ports::{FeedError, MarketData as _};
use autotrader_kalshi_api::Word;
use autotrader_kalshi_api::candlesticks::{CandlePeriod, CandleWindow, Opening};
use autotrader_kalshi_api::events::{CollateralReturn, EventMarkets};
use autotrader_kalshi_api::portfolio::{FillsQuery, PositionRow, PositionsQuery};
use autotrader_kalshi_api::trades::TradesQuery;
use autotrader_kalshi_api::{Subaccount, TimeRange};
use futures_util::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{Bench, bench_of, now};

fn trade(id: usize) -> Value {
    json!({
        "trade_id": format!("t{id}"), "ticker": "T", "count_fp": "0.18", "yes_price_dollars": "0.5200",
        "no_price_dollars": "0.4800", "taker_book_side": if id == 3 { "sideways" } else { "ask" },
        "is_block_trade": false, "created_time": "2026-11-22T14:00:00Z",
    })
}

/// Serves pages of trades by their ids; the cursor is the number of the page. Counts the requests.
async fn paged(pages: Vec<Vec<usize>>) -> (MockServer, Bench, Arc<AtomicUsize>) {
    let server = MockServer::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    Mock::given(any())
        .respond_with(move |request: &Request| {
            counted.fetch_add(1, Ordering::SeqCst);
            let cursor = request.url.query_pairs().find(|(key, _)| key == "cursor");
            let page: usize = cursor.map_or(0, |(_, value)| value.parse().unwrap());
            let trades: Vec<Value> = pages[page].iter().map(|id| trade(*id)).collect();
            let next = page + 1;
            let next = if next < pages.len() {
                next.to_string()
            } else {
                String::new()
            };
            ResponseTemplate::new(200).set_body_json(json!({"trades": trades, "cursor": next}))
        })
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    (server, bench, asked)
}

/// A server with one answer for everything, and a client of it.
async fn answering(status: u16, body: Value) -> (MockServer, Bench) {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    (server, bench)
}

#[tokio::test]
async fn a_page_is_asked_for_when_the_one_before_it_was_taken() {
    let (_server, bench, asked) = paged(vec![vec![1, 2], vec![2, 3], vec![4]]).await;
    let query = TradesQuery::default();
    let mut trades = Box::pin(bench.client.list_trades(&query));
    let mut ids = Vec::new();
    let mut requests = Vec::new();
    while let Some(trade) = trades.next().await {
        let trade = trade.unwrap();
        // A word of tomorrow is kept.
        assert_eq!(
            matches!(trade.taker_side, Word::Unknown(_)),
            trade.trade_id == "t3"
        );
        ids.push(trade.trade_id);
        requests.push(asked.load(Ordering::SeqCst));
    }
    assert_eq!(
        ids,
        ["t1", "t2", "t3", "t4"],
        "t2 slid to the next page and is given once"
    );
    assert_eq!(requests, [1, 1, 2, 3]);
    assert!(trades.next().await.is_none(), "the end stays the end");
}

#[tokio::test]
async fn a_dropped_listing_asks_nothing_more() {
    let (_server, bench, asked) = paged(vec![vec![1, 2], vec![3], vec![4]]).await;
    let first: Vec<_> = bench
        .client
        .list_trades(&TradesQuery::default())
        .take(2)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_empty_page_in_between_is_no_circle() {
    let (_server, bench, _) = paged(vec![vec![1], vec![], vec![2]]).await;
    let all: Vec<_> = bench
        .client
        .list_trades(&TradesQuery::default())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn what_came_before_an_error_is_given_and_the_error_is_the_end() {
    let mut broken = trade(2);
    broken.as_object_mut().unwrap().remove("count_fp");
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(move |request: &Request| {
            let first = !request.url.query_pairs().any(|(key, _)| key == "cursor");
            let body = if first {
                json!({"trades": [trade(1)], "cursor": "c"})
            } else {
                json!({"trades": [trade(3), broken], "cursor": ""})
            };
            ResponseTemplate::new(200).set_body_json(body)
        })
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    let all: Vec<_> = bench.client.list_trades(&TradesQuery::default()).collect().await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0].as_ref().unwrap().trade_id, "t1");
    assert!(
        matches!(&all[1], Err(FeedError::Schema { path, .. }) if path == "$.trades[1].count_fp"),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_cursor_that_is_forgotten_is_a_circle() {
    let (_server, bench) = answering(200, json!({"trades": [trade(1)], "cursor": "again"})).await;
    let all: Vec<_> = bench.client.list_trades(&TradesQuery::default()).collect().await;
    assert_eq!(all.len(), 2);
    assert!(
        matches!(&all[1], Err(FeedError::Transient(words)) if words.contains("round in circles after 1 items")),
        "{all:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However items slide between pages, each is given once, in the order of its first appearance.
    #[test]
    fn every_item_is_given_once(sizes in prop::collection::vec(1_usize..6, 1..6), overlap in 0_usize..3) {
        let mut pages = Vec::new();
        let mut next: usize = 10;
        for size in sizes {
            let start = next.saturating_sub(overlap).max(10);
            pages.push((start..next + size).collect::<Vec<_>>());
            next += size;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found: Vec<String> = runtime.block_on(async {
            let (_server, bench, _) = paged(pages).await;
            let trades: Vec<_> = bench.client.list_trades(&TradesQuery::default()).try_collect().await.unwrap();
            trades.into_iter().map(|trade| trade.trade_id).collect()
        });
        let expected: Vec<String> = (10..next).map(|id| format!("t{id}")).collect();
        prop_assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn an_outage_tells_the_status_of_each_shard() {
    let body = json!({
        "exchange_active": true, "trading_active": false, "intra_exchange_transfers_active": false,
        "exchange_estimated_resume_time": "2026-11-26T10:00:00Z",
        "exchange_index_statuses": [{
            "exchange_index": 1, "description": "combinations", "exchange_active": true, "trading_active": true,
            "intra_exchange_transfers_active": true,
        }],
    });
    for status in [200, 503, 504] {
        let (server, bench) = answering(status, body.clone()).await;
        let report = bench.client.exchange_report().await.unwrap();
        assert_eq!((report.exchange_active, report.trading_active), (true, false));
        assert_eq!(
            report.exchange_estimated_resume_time.unwrap().timestamp(),
            1_795_687_200
        );
        assert!(report.exchange_index_statuses[0].trading_active);
        assert!(!bench.client.status().await.unwrap().trading_active);
        assert_eq!(
            server.received_requests().await.unwrap().len(),
            2,
            "an answer is not asked for again"
        );
    }
    let (_server, bench) = answering(200, json!({"exchange_active": true})).await;
    let error = bench.client.exchange_report().await.unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.trading_active"),
        "{error}"
    );
}

fn event() -> Value {
    json!({
        "event_ticker": "KXA-1", "series_ticker": "KXA", "title": "t", "sub_title": "s",
        "collateral_return_type": "MECNET", "mutually_exclusive": true, "settlement_sources": null,
        "fee_type_override": "quadratic_with_maker_fees", "fee_multiplier_override": 0.5,
    })
}

#[tokio::test]
async fn an_event_says_what_it_gives_back_and_what_it_charges() {
    let read = async |change: fn(&mut Value)| {
        let mut event = event();
        change(&mut event);
        let (_server, bench) = answering(200, json!({"event": event, "markets": []})).await;
        bench
            .client
            .event(&"KXA-1".parse().unwrap(), EventMarkets::Excluded)
            .await
    };
    let found = read(|_| {}).await.unwrap();
    assert_eq!(
        found.collateral_return_type,
        Word::Known(CollateralReturn::MutuallyExclusive)
    );
    assert!(found.mutually_exclusive);
    let fees = found.fees(autotrader_domain::FeeSchedule::QUADRATIC);
    assert_eq!(
        (fees.fee_type, fees.multiplier_millionths),
        (FeeType::QuadraticWithMakerFees, 500_000)
    );
    let found = read(|event| event["collateral_return_type"] = json!(""))
        .await
        .unwrap();
    assert_eq!(found.collateral_return_type, Word::Known(CollateralReturn::None));
    let found = read(|event| event["collateral_return_type"] = json!("FANCYNET"))
        .await
        .unwrap();
    assert_eq!(found.collateral_return_type.known(), None);

    for (change, wanted) in [
        (
            (|event| event["event_ticker"] = json!("KXA-2")) as fn(&mut Value),
            "$.event.event_ticker",
        ),
        (
            |event| event["fee_multiplier_override"] = json!("0.5"),
            "$.event.fee_multiplier_override",
        ),
        (
            |event| event["fee_multiplier_override"] = json!(-1),
            "$.event.fee_multiplier_override",
        ),
        (
            |event| drop(event.as_object_mut().unwrap().remove("mutually_exclusive")),
            "$.event.mutually_exclusive",
        ),
        (
            |event| drop(event.as_object_mut().unwrap().remove("settlement_sources")),
            "$.event.settlement_sources",
        ),
    ] {
        let error = read(change).await.unwrap_err();
        assert!(
            matches!(&error, FeedError::Schema { path, .. } if path == wanted),
            "{wanted}: {error}"
        );
    }
}

#[tokio::test]
async fn netting_is_told_for_the_part_and_shard_that_were_meant() {
    let body = json!({"netting_configs": [
        {"subaccount_number": 0, "exchange_index": 1, "enabled": true},
        {"subaccount_number": 0, "exchange_index": 0, "enabled": false},
        {"subaccount_number": 5, "exchange_index": 0, "enabled": true},
    ]});
    let (_server, bench) = answering(200, body).await;
    for (subaccount, shard, expected) in [
        (0, 0, Some(false)),
        (0, 1, Some(true)),
        (5, 0, Some(true)),
        (6, 0, None),
    ] {
        let subaccount = Subaccount::new(subaccount).unwrap();
        assert_eq!(
            bench.client.netting_enabled(subaccount, shard).await,
            Ok(expected)
        );
    }
    assert_eq!(Subaccount::new(64), None);
}

#[tokio::test]
async fn candlesticks_are_exact_and_silent_periods_have_no_price() {
    let quote = json!({"open_dollars": "0.7100", "low_dollars": "0.7100", "high_dollars": "0.7200", "close_dollars": "0.7200"});
    let candle = json!({
        "end_period_ts": 1_795_350_000, "yes_bid": quote, "yes_ask": quote, "volume_fp": "0.00",
        "open_interest_fp": "120345.50",
        "price": {"open_dollars": null, "mean_dollars": "0.713333", "previous_dollars": "0.7150"},
    });
    let window = CandleWindow {
        from: now() - chrono::TimeDelta::hours(1),
        to: now(),
        period: CandlePeriod::Hour,
    };
    let (_server, bench) = answering(200, json!({"ticker": "T", "candlesticks": [candle]})).await;
    let (series, ticker) = ("KXA".parse().unwrap(), "T".parse().unwrap());
    let found = bench
        .client
        .candlesticks(&series, &ticker, window, Opening::Bare)
        .await
        .unwrap();
    assert_eq!(found[0].ends_at.timestamp(), 1_795_350_000);
    assert_eq!(found[0].open_interest, "120345.5".parse().unwrap());
    assert_eq!((found[0].price.open, found[0].price.close), (None, None));
    assert_eq!(found[0].price.mean, Some("0.713333".parse().unwrap()));
    let error = bench
        .client
        .candlesticks(&series, &"U".parse().unwrap(), window, Opening::Bare)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.ticker"),
        "{error}"
    );

    let uneven =
        json!({"market_tickers": ["T", "U"], "market_candlesticks": [[candle]], "adjusted_end_ts": 1});
    let (_server, bench) = answering(200, uneven).await;
    let error = bench
        .client
        .event_candlesticks(&series, &"KXA-1".parse().unwrap(), window)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, FeedError::Schema { path, .. } if path == "$.market_candlesticks"),
        "{error}"
    );
}

#[tokio::test]
async fn positions_of_an_event_that_spans_two_pages_come_once() {
    let money = "0.000000";
    let market = move |ticker: &str| {
        json!({"ticker": ticker, "position_fp": "-1.00", "total_traded_dollars": money,
               "market_exposure_dollars": money, "realized_pnl_dollars": money, "fees_paid_dollars": money,
               "last_updated_ts": "2026-11-22T14:00:00Z"})
    };
    let event = json!({"event_ticker": "E", "total_cost_dollars": money, "total_cost_shares_fp": "2.00",
                       "event_exposure_dollars": money, "realized_pnl_dollars": money, "fees_paid_dollars": money});
    let server = MockServer::start().await;
    Mock::given(path("/trade-api/v2/portfolio/positions"))
        .respond_with(move |request: &Request| {
            let first = !request.url.query_pairs().any(|(key, _)| key == "cursor");
            let (ticker, cursor) = if first {
                ("T", json!("c"))
            } else {
                ("U", Value::Null)
            };
            ResponseTemplate::new(200).set_body_json(
                json!({"market_positions": [market(ticker)], "event_positions": [event], "cursor": cursor}),
            )
        })
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    let rows: Vec<_> = bench
        .client
        .list_positions(&PositionsQuery::default())
        .try_collect()
        .await
        .unwrap();
    let events = rows
        .iter()
        .filter(|row| matches!(row, PositionRow::Event(_)))
        .count();
    assert_eq!((rows.len(), events), (3, 1));
}

#[tokio::test]
async fn a_range_is_sent_in_whole_seconds() {
    let (server, bench) = answering(200, json!({"fills": [], "cursor": ""})).await;
    let query = FillsQuery {
        within: TimeRange {
            from: Some(now()),
            to: None,
        },
        ..FillsQuery::default()
    };
    let fills: Vec<_> = bench.client.list_fills(&query).try_collect().await.unwrap();
    assert_eq!(fills, []);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.query(), Some("limit=1000&min_ts=1795359600"));
}
