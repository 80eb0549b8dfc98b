//! What is read over loopback: books, markets, events, settlements, the leaderboard.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use chrono::TimeDelta;
use net::{PAGE, order_body, post, quote, serve};
use serde_json::json;
use support::*;

#[tokio::test]
async fn books_are_bids_of_both_sides_ascending() {
    let served = serve().await;
    quote(&served);
    let book = served.get(&format!("/markets/{TOP}/orderbook")).await.body;
    let expected = json!({
        "yes_dollars": [["0.4500", "7.25"], ["0.4700", "3.00"]],
        "no_dollars": [["0.4500", "10.00"], ["0.4800", "3.00"]],
    });
    assert_eq!(book, json!({ "orderbook_fp": expected }));
    let shallow = served
        .get(&format!("/markets/{TOP}/orderbook?depth=1"))
        .await
        .body;
    assert_eq!(
        shallow["orderbook_fp"]["yes_dollars"],
        json!([["0.4700", "3.00"]]),
        "the best is kept"
    );
    assert_eq!(shallow["orderbook_fp"]["no_dollars"], json!([["0.4800", "3.00"]]));
    let many = served
        .get(&format!("/markets/orderbooks?tickers={TOP}&tickers={TOP_B}"))
        .await
        .body;
    assert_eq!(
        many["orderbooks"][0],
        json!({ "ticker": TOP, "orderbook_fp": expected })
    );
    assert_eq!(
        many["orderbooks"][1]["orderbook_fp"],
        json!({ "yes_dollars": [], "no_dollars": [] })
    );
    let joined = served
        .get(&format!("/markets/orderbooks?tickers={TOP},{TOP_B}"))
        .await;
    assert_eq!(joined.status, 400, "a comma-joined list is refused");
    assert_eq!(served.get("/markets/orderbooks").await.status, 400);
    assert_eq!(served.get("/markets/KXNONE-1/orderbook").await.status, 404);
    assert_eq!(
        served
            .get(&format!("/markets/{TOP}/orderbook?depth=101"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn markets_are_filtered_and_paged() {
    let served = serve().await;
    let tickers = |answer: &net::Answer| -> Vec<String> {
        let list = answer.body["markets"].as_array().unwrap();
        list.iter()
            .map(|market| market["ticker"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = served.get("/markets").await;
    assert_eq!(tickers(&all), [LLM, TOP, TOP_B]);
    assert_eq!(all.body["cursor"], "");
    assert_eq!(
        tickers(&served.get("/markets?series_ticker=KXTOPMODEL").await),
        [TOP, TOP_B]
    );
    assert_eq!(
        tickers(
            &served
                .get("/markets?event_ticker=KXLLM1-26SEP28&mve_filter=exclude")
                .await
        ),
        [LLM]
    );
    assert_eq!(
        tickers(&served.get(&format!("/markets?tickers={TOP_B},{LLM}")).await),
        [LLM, TOP_B]
    );
    assert_eq!(
        tickers(&served.get("/markets?status=closed").await),
        Vec::<String>::new()
    );
    assert_eq!(
        tickers(&served.get("/markets?mve_filter=only").await),
        Vec::<String>::new()
    );
    let first = served.get("/markets?limit=2").await;
    let cursor = first.body["cursor"].as_str().unwrap().to_owned();
    assert_eq!(
        tickers(&served.get(&format!("/markets?limit=2&cursor={cursor}")).await),
        [TOP_B]
    );
    assert_eq!(
        tickers(&served.get("/markets?limit=2&cursor=garbage").await),
        [LLM, TOP]
    );
    let over = served.get("/markets?limit=1001").await;
    assert_eq!(over.status, 400);
    assert!(
        over.body["msg"]
            .as_str()
            .unwrap()
            .contains("'GetMarketsParams.Limit'"),
        "{}",
        over.text
    );
    assert_eq!(served.get("/markets?status=odd").await.status, 400);
    let market = served.get(&format!("/markets/{TOP}")).await.body;
    assert_eq!(market["market"]["yes_ask_dollars"], "1.0000");
    assert_eq!(market["market"]["yes_bid_dollars"], "0.0000");
    assert_eq!(
        market["market"]["custom_strike"],
        json!({ "Model": "aurora-4-thinking" })
    );
    assert_eq!(market["market"]["close_time"], "2026-09-28T14:00:00Z");
    assert_eq!(market["market"]["status"], "active");
    assert!(
        market["market"].get("settlement_value_dollars").is_none(),
        "only after determination"
    );
}

#[tokio::test]
async fn events_and_series_carry_what_the_mapping_needs() {
    let served = serve().await;
    let event = served.get("/events/KXTOPMODEL-26SEP28").await.body;
    assert_eq!(event["event"]["mutually_exclusive"], true);
    assert_eq!(event["event"]["collateral_return_type"], "MECNET");
    assert_eq!(event["markets"].as_array().unwrap().len(), 2);
    let bare = served
        .get("/events/KXTOPMODEL-26SEP28?exclude_markets=true")
        .await
        .body;
    assert_eq!(bare["markets"], json!([]));
    let nested = served
        .get("/events?series_ticker=KXTOPMODEL&status=open&with_nested_markets=true")
        .await
        .body;
    assert_eq!(nested["events"][0]["markets"].as_array().unwrap().len(), 2);
    assert_eq!(
        served.get("/events?status=settled").await.body["events"],
        json!([])
    );
    let series = served.get("/series/KXLLM1").await.body;
    assert_eq!(series["series"]["fee_type"], "quadratic_with_maker_fees");
    assert_eq!(series["series"]["fee_multiplier"], 1);
    assert_eq!(served.get("/series/KXNONE").await.status, 404);
    assert_eq!(served.get("/events/KXNONE-1").await.status, 404);
    let list = served
        .get("/series?category=Science%20and%20Technology")
        .await
        .body;
    assert_eq!(list["series"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn settlement_is_seen_from_all_sides() {
    let served = serve().await;
    quote(&served);
    post(
        &served,
        &order_body("one", "bid", "3.00", "0.5200", "immediate_or_cancel"),
    )
    .await;
    served.clock.advance_to(close());
    let market = served.get(&format!("/markets/{TOP}")).await.body;
    assert_eq!(market["market"]["status"], "closed");
    let late = post(
        &served,
        &order_body("two", "bid", "1", "0.5200", "immediate_or_cancel"),
    )
    .await;
    assert_eq!(
        (late.status, &late.body["error"]["code"]),
        (409, &json!("market_inactive"))
    );
    let event = "KXTOPMODEL-26SEP28".parse().unwrap();
    served.exchange(|x| x.determine_event(&event, Some(&t(TOP)), close()).unwrap());
    let market = served.get(&format!("/markets/{TOP}")).await.body;
    assert_eq!(market["market"]["status"], "determined");
    assert_eq!(market["market"]["result"], "yes");
    assert_eq!(market["market"]["settlement_value_dollars"], "1.0000");
    assert_eq!(
        served.get("/portfolio/settlements").await.body["settlements"],
        json!([])
    );
    served.clock.advance_to(close() + TimeDelta::minutes(31));
    let settlements = served.get("/portfolio/settlements").await.body;
    let entry = &settlements["settlements"][0];
    assert_eq!((&entry["revenue"], &entry["value"]), (&json!(300), &json!(100)));
    assert_eq!(entry["yes_total_cost_dollars"], "1.560000");
    assert_eq!(entry["market_result"], "yes");
    assert_eq!(entry["settled_time"], "2026-09-28T14:30:00Z");
    assert_eq!(
        served.get("/portfolio/positions").await.body["market_positions"],
        json!([])
    );
    let settled = served
        .get("/portfolio/positions?settlement_status=settled")
        .await
        .body;
    assert_eq!(settled["market_positions"][0]["realized_pnl_dollars"], "1.440000");
    assert_eq!(
        served.get("/markets?status=settled").await.body["markets"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn the_leaderboard_is_served_plain_and_compressed_with_the_worlds_date() {
    let served = serve().await;
    let url = served.handle.leaderboard_url();
    let zipped = served.http.get(&url).send().await.unwrap();
    assert_eq!(zipped.headers()["date"], "Mon, 21 Sep 2026 12:00:00 GMT");
    assert_eq!(zipped.headers()["etag"], "\"one\"");
    assert_eq!(
        zipped.text().await.unwrap(),
        PAGE,
        "reqwest asked for gzip and undid it"
    );
    let raw = reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .build()
        .unwrap();
    let with = |encoding: &'static str| raw.get(&url).header("accept-encoding", encoding).send();
    let gzip = with("br, gzip").await.unwrap();
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    assert_ne!(gzip.bytes().await.unwrap(), PAGE.as_bytes());
    for encoding in ["identity", "br", "gzip;q=0"] {
        let plain = with(encoding).await.unwrap();
        assert!(plain.headers().get("content-encoding").is_none(), "{encoding}");
        assert_eq!(plain.bytes().await.unwrap(), PAGE.as_bytes());
    }
    let other = served.send("GET", "/leaderboard/text/coding", &[], None).await;
    assert_eq!((other.status, other.text.as_str()), (404, "no such leaderboard"));
}

#[tokio::test]
async fn unknown_paths_are_not_found_in_plain_text() {
    let served = serve().await;
    let answer = served.get("/exchange/announcements").await;
    assert_eq!((answer.status, answer.text.trim()), (404, "404 page not found"));
    let legacy = served.ask("POST", "/portfolio/orders", Some("{}")).await;
    assert_eq!(
        (legacy.status, &legacy.body["error"]["message"]),
        (410, &json!("Please switch to the V2 endpoints")),
        "the legacy write path is gone"
    );
}

#[tokio::test]
async fn the_server_stops_when_told() {
    let served = serve().await;
    let address = served.handle.address();
    served.handle.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
