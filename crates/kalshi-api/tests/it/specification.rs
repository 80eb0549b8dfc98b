//! Every request that this client can make, held against the exchange's published document.

use std::collections::BTreeSet;

use autotrader_domain::ports::{AccountSource as _, MarketData as _, OrderGateway as _};
use autotrader_domain::{BookSide, OrderRequest, TimeInForce};
use autotrader_kalshi_api::candlesticks::{CandlePeriod, CandleWindow, Opening};
use autotrader_kalshi_api::events::{EventMarkets, EventPhase, EventsQuery};
use autotrader_kalshi_api::markets::{
    BookDepth, Combinations, MarketPhase, MarketScope, MarketTimes, MarketsQuery,
};
use autotrader_kalshi_api::order_changes::{Amend, CancelRequest, Decrease, ExpiryChange};
use autotrader_kalshi_api::order_groups::{GroupPlace, NewOrderGroup};
use autotrader_kalshi_api::orders::{OrderStatus, OrdersQuery, QueueScope};
use autotrader_kalshi_api::portfolio::{
    BalanceQuery, FillsQuery, PositionsQuery, SettlementStatus, SettlementsQuery,
};
use autotrader_kalshi_api::series::{FeeChanges, SeriesQuery};
use autotrader_kalshi_api::trades::TradesQuery;
use autotrader_kalshi_api::{KalshiClient, OrderOptions, SelfTrade, Subaccount, TimeRange};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Match as _, Mock, MockServer, Request, ResponseTemplate};

use crate::openapi::{Document, Sent, specification};
use crate::orders::request;
use crate::support::{ROOT, Signed, Unsigned, bench_of, now};

/// The parts of the document that are no trading of event contracts.
const ELSEWHERE: [&str; 14] = [
    "/cfbenchmarks",
    "/communications",
    "/fcm",
    "/historical",
    "/incentive_programs",
    "/klear",
    "/live_data",
    "/margin",
    "/milestones",
    "/multivariate_event_collections",
    "/pyth",
    "/search",
    "/structured_targets",
    "/events/multivariate",
];

/// What this client promises to cover.
const PROMISED: [&str; 44] = [
    "AmendOrderV2",
    "BatchCancelOrdersV2",
    "BatchCreateOrdersV2",
    "BatchGetMarketCandlesticks",
    "CancelAllOrders",
    "CancelOrderV2",
    "CreateOrderGroup",
    "CreateOrderV2",
    "DecreaseOrderV2",
    "DeleteOrderGroup",
    "GetAccountApiLimits",
    "GetAccountEndpointCosts",
    "GetApiKeys",
    "GetBalance",
    "GetEvent",
    "GetEventFeeChanges",
    "GetEvents",
    "GetExchangeSchedule",
    "GetExchangeStatus",
    "GetFills",
    "GetMarket",
    "GetMarketCandlesticks",
    "GetMarketCandlesticksByEvent",
    "GetMarketOrderbook",
    "GetMarketOrderbooks",
    "GetMarkets",
    "GetOrder",
    "GetOrderGroup",
    "GetOrderGroups",
    "GetOrderQueuePosition",
    "GetOrderQueuePositions",
    "GetOrders",
    "GetPortfolioRestingOrderTotalValue",
    "GetPositions",
    "GetSeries",
    "GetSeriesFeeChanges",
    "GetSeriesList",
    "GetSettlements",
    "GetSubaccountNetting",
    "GetTrades",
    "GetUserDataTimestamp",
    "ResetOrderGroup",
    "TriggerOrderGroup",
    "UpdateOrderGroupLimit",
];

/// Enough of an exchange that reads of several steps go all their way; everything else is refused.
fn answer(request: &Request) -> ResponseTemplate {
    let path = request.url.path().trim_start_matches(ROOT);
    let paged = request.url.query_pairs().any(|(key, _)| key == "cursor");
    let cursor = if paged { "" } else { "next" };
    let market = json!({
        "ticker": "KXA-1-B", "event_ticker": "KXA-1", "market_type": "binary", "status": "active", "result": "",
        "close_time": "2027-01-04T15:00:00Z", "notional_value_dollars": "1.0000", "rules_primary": "",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "rules_secondary": "", "yes_sub_title": "",
    });
    let event = json!({
        "event_ticker": "KXA-1", "series_ticker": "KXA", "collateral_return_type": "MECNET",
    });
    let mut body = match path {
        "/series/KXA" => json!({"series": {"ticker": "KXA", "fee_type": "quadratic", "fee_multiplier": 1}}),
        "/events" if !paged => json!({"events": [event]}),
        "/events/KXA-1" => json!({"event": event, "markets": []}),
        "/markets" if !paged => json!({"markets": [market]}),
        "/markets/KXA-1-B" => json!({"market": market}),
        "/markets/trades" if !paged => json!({"trades": [{
            "trade_id": "t", "ticker": "KXA-1-B", "count_fp": "1.00", "yes_price_dollars": "0.5000",
            "taker_book_side": "bid", "is_block_trade": false, "created_time": "2026-11-22T14:00:00Z",
        }]}),
        "/exchange/user_data_timestamp" => json!({"as_of_time": "2026-11-22T14:00:00Z"}),
        "/portfolio/balance" => {
            json!({"balance": 0, "balance_dollars": "0.0000", "portfolio_value": 0, "updated_ts": 1})
        }
        "/portfolio/positions" if !paged => json!({"event_positions": [], "market_positions": [{
            "ticker": "KXA-1-B", "position_fp": "-1.00", "total_traded_dollars": "1.0000",
            "market_exposure_dollars": "1.0000", "realized_pnl_dollars": "0.0000", "fees_paid_dollars": "0.0000",
            "last_updated_ts": "2026-11-22T14:00:00Z",
        }]}),
        "/account/limits" => {
            let bucket = json!({"refill_rate": 200, "bucket_capacity": 200});
            json!({"usage_tier": "basic", "read": bucket, "write": bucket, "grants": []})
        }
        "/markets"
        | "/events"
        | "/markets/trades"
        | "/portfolio/orders"
        | "/portfolio/fills"
        | "/portfolio/positions"
        | "/portfolio/settlements" => json!({
            "markets": [], "events": [], "trades": [], "orders": [], "fills": [], "settlements": [],
            "market_positions": [], "event_positions": [], "cursor": "",
        }),
        _ => return ResponseTemplate::new(400).set_body_json(json!({"code": "bad_request"})),
    };
    if body.get("cursor").is_none() {
        body["cursor"] = json!(cursor);
    }
    ResponseTemplate::new(200).set_body_json(body)
}

async fn read_all<T, E>(stream: impl Stream<Item = Result<T, E>>) {
    let mut stream = std::pin::pin!(stream);
    while stream.next().await.is_some() {}
}

fn range() -> TimeRange {
    TimeRange {
        from: Some(now() - chrono::TimeDelta::days(1)),
        to: Some(now()),
    }
}

fn sub() -> Option<Subaccount> {
    Subaccount::new(63)
}

async fn ask_about_the_exchange(client: &KalshiClient) {
    let _ = client.exchange_report().await;
    let _ = client.status().await;
    let _ = client.exchange_schedule().await;
    let _ = client.user_data_timestamp().await;
    let _ = client.account_limits().await;
    let _ = client.endpoint_costs().await;
    let _ = client.learn_limits().await;
    let _ = client.api_keys().await;
}

async fn ask_about_markets(client: &KalshiClient) {
    let series = "KXA".parse().unwrap();
    let event = "KXA-1".parse().unwrap();
    let ticker = "KXA-1-B".parse().unwrap();
    let _ = client.series(&series).await;
    let _ = client.list_series(&SeriesQuery::default()).await;
    let narrow = SeriesQuery {
        category: Some("Science and Technology".to_owned()),
        tags: Some("AI,LLMs".to_owned()),
        updated_since: Some(now()),
        with_volume: true,
    };
    let _ = client.list_series(&narrow).await;
    let _ = client.series_fee_changes(None, FeeChanges::ToCome).await;
    let _ = client.series_fee_changes(Some(&series), FeeChanges::All).await;
    read_all(client.list_event_fee_changes(None)).await;
    read_all(client.list_event_fee_changes(Some(&event))).await;
    let _ = client.event(&event, EventMarkets::Nested).await;
    let _ = client.event(&event, EventMarkets::Excluded).await;
    read_all(client.list_events(&EventsQuery::default())).await;
    for phase in [
        EventPhase::Unopened,
        EventPhase::Open,
        EventPhase::Closed,
        EventPhase::Settled,
    ] {
        let query = EventsQuery {
            series: Some("KXA".parse().unwrap()),
            tickers: vec!["KXA-1".parse().unwrap(), "KXA-2".parse().unwrap()],
            phase: Some(phase),
            closing_after: Some(now()),
            updated_since: Some(now()),
            with_markets: true,
        };
        read_all(client.list_events(&query)).await;
    }
    for query in market_queries() {
        read_all(client.list_markets(&query)).await;
    }
    let _ = client.listed_market(&ticker).await;
    let _ = client.order_book(&ticker, None).await;
    let _ = client.order_book(&ticker, BookDepth::new(100)).await;
    let _ = client.books(std::slice::from_ref(&ticker)).await;
    let many: Vec<_> = (0..101).map(|n| format!("KXA-1-{n}").parse().unwrap()).collect();
    let _ = client.books(&many).await;
    for (within, block) in [
        (TimeRange::default(), None),
        (range(), Some(false)),
        (range(), Some(true)),
    ] {
        let query = TradesQuery {
            ticker: block.map(|_| "KXA-1-B".parse().unwrap()),
            within,
            block,
        };
        read_all(client.list_trades(&query)).await;
    }
    for period in [CandlePeriod::Minute, CandlePeriod::Hour, CandlePeriod::Day] {
        let window = CandleWindow {
            from: now() - chrono::TimeDelta::days(1),
            to: now(),
            period,
        };
        for opening in [Opening::Bare, Opening::WithLatestBefore] {
            let _ = client.candlesticks(&series, &ticker, window, opening).await;
            let _ = client.candlesticks_of(&many, window, opening).await;
        }
        let _ = client.event_candlesticks(&series, &event, window).await;
    }
    // What the program asks through its ports.
    client.markets(&series).await.unwrap();
    client.market(&ticker).await.unwrap();
}

fn market_queries() -> Vec<MarketsQuery> {
    let times = [
        MarketTimes::Any,
        MarketTimes::In(MarketPhase::Unopened),
        MarketTimes::In(MarketPhase::Open),
        MarketTimes::In(MarketPhase::Paused),
        MarketTimes::In(MarketPhase::Closed),
        MarketTimes::In(MarketPhase::Settled),
        MarketTimes::Created(range()),
        MarketTimes::UnopenedCreated(range()),
        MarketTimes::OpenCreated(range()),
        MarketTimes::Closing(range()),
        MarketTimes::ClosedWithin(range()),
        MarketTimes::SettledWithin(range()),
    ];
    let scopes = [
        MarketScope::All(Combinations::Excluded),
        MarketScope::All(Combinations::Included),
        MarketScope::All(Combinations::Only),
        MarketScope::Series("KXA".parse().unwrap()),
        MarketScope::Event("KXA-1".parse().unwrap()),
        MarketScope::Tickers((0..150).map(|n| format!("KXA-1-{n}").parse().unwrap()).collect()),
    ];
    let mut queries = vec![MarketsQuery::default()];
    for scope in scopes {
        queries.extend(times.iter().map(|when| MarketsQuery::Listed {
            scope: scope.clone(),
            when: *when,
        }));
    }
    for series in [None, Some("KXA".parse().unwrap())] {
        queries.push(MarketsQuery::Updated {
            series,
            within: range(),
        });
    }
    queries
}

async fn ask_about_the_account(client: &KalshiClient) {
    let order_id = "o-1".parse().unwrap();
    let _ = client.account_balance(BalanceQuery::default()).await;
    let narrow = BalanceQuery {
        subaccount: sub(),
        exchange_index: Some(1),
    };
    let _ = client.account_balance(narrow).await;
    let _ = client.resting_order_value().await;
    let _ = client.netting().await;
    read_all(client.list_positions(&PositionsQuery::default())).await;
    for status in [
        SettlementStatus::Unsettled,
        SettlementStatus::Settled,
        SettlementStatus::All,
    ] {
        let query = PositionsQuery {
            held_only: true,
            settlement: Some(status),
            ticker: Some("KXA-1-B".parse().unwrap()),
            event: Some("KXA-1".parse().unwrap()),
            subaccount: sub(),
            exchange_index: Some(0),
        };
        read_all(client.list_positions(&query)).await;
    }
    read_all(client.list_fills(&FillsQuery::default())).await;
    let fills = FillsQuery {
        ticker: Some("KXA-1-B".parse().unwrap()),
        order: Some("o-1".parse().unwrap()),
        within: range(),
        subaccount: sub(),
        exchange_index: Some(0),
    };
    read_all(client.list_fills(&fills)).await;
    read_all(client.list_settlements(&SettlementsQuery::default())).await;
    let settlements = SettlementsQuery {
        ticker: Some("KXA-1-B".parse().unwrap()),
        event: Some("KXA-1".parse().unwrap()),
        within: range(),
        subaccount: sub(),
    };
    read_all(client.list_settlements(&settlements)).await;
    read_all(client.list_orders(&OrdersQuery::default())).await;
    for status in [OrderStatus::Resting, OrderStatus::Canceled, OrderStatus::Executed] {
        let query = OrdersQuery {
            ticker: Some("KXA-1-B".parse().unwrap()),
            event: Some("KXA-1".parse().unwrap()),
            within: range(),
            status: Some(status),
            subaccount: sub(),
            exchange_index: Some(0),
        };
        read_all(client.list_orders(&query)).await;
    }
    let _ = client.account_order(&order_id).await;
    let _ = client.order(&order_id).await;
    let _ = client.queue_position(&order_id).await;
    let markets = QueueScope::Markets(vec!["KXA-1-B".parse().unwrap(), "KXA-1-C".parse().unwrap()]);
    let _ = client.queue_positions(&markets, None).await;
    let event = QueueScope::Event("KXA-1".parse().unwrap());
    let _ = client.queue_positions(&event, sub()).await;
    let _ = client.order_groups(sub()).await;
    let _ = client.order_group(&"g-1".parse().unwrap(), sub()).await;
    client.snapshot(now()).await.unwrap();
}

/// Orders of every kind: sides, lives, sizes below one contract, the whole grid of options.
fn orders() -> Vec<(OrderRequest, OrderOptions)> {
    let lives = [
        TimeInForce::ImmediateOrCancel,
        TimeInForce::FillOrKill,
        TimeInForce::GoodTillCanceled { expires_at: None },
        TimeInForce::GoodTillCanceled {
            expires_at: Some(now()),
        },
    ];
    let options = [
        OrderOptions::default(),
        OrderOptions {
            self_trade: SelfTrade::CancelMaker,
            rests_through_pauses: true,
            order_group: Some("g-1".parse().unwrap()),
            subaccount: sub(),
        },
    ];
    let mut orders = Vec::new();
    for time_in_force in lives {
        for (side, contracts, limit) in [
            (BookSide::Bid, "0.01", "0.0010"),
            (BookSide::Ask, "250000", "0.9999"),
        ] {
            let order = OrderRequest {
                side,
                contracts: contracts.parse().unwrap(),
                limit: limit.parse().unwrap(),
                time_in_force,
                reduce_only: time_in_force == TimeInForce::ImmediateOrCancel,
                exchange_index: i32::from(side == BookSide::Ask),
                ..request()
            };
            for options in &options {
                let post_only = *options != OrderOptions::default();
                let order = OrderRequest {
                    post_only,
                    ..order.clone()
                };
                orders.push((order, options.clone()));
            }
        }
    }
    orders
}

async fn write_orders(client: &KalshiClient) {
    let ticker = request().ticker;
    let order_id = "o-1".parse().unwrap();
    for (order, options) in orders() {
        client.place_with(&order, &OrderOptions::default()).await;
        client.place_with(&order, &options).await;
        client.place_batch(&[order.clone(), order], &options).await;
    }
    client.cancel(&ticker, &order_id).await;
    let cancel = CancelRequest {
        order_id: order_id.clone(),
        ticker: ticker.clone(),
    };
    client.cancel_batch(&[cancel.clone(), cancel]).await;
    let _ = client.cancel_all(None).await;
    let _ = client.cancel_all(sub()).await;
    for (expiry, named) in [
        (ExpiryChange::Keep, false),
        (ExpiryChange::Remove, true),
        (ExpiryChange::At(now()), true),
    ] {
        let amend = Amend {
            ticker: ticker.clone(),
            side: BookSide::Ask,
            limit: "0.5".parse().unwrap(),
            total: "7.5".parse().unwrap(),
            client_order_id: named.then(|| "a".parse().unwrap()),
            new_client_order_id: named.then(|| "b".parse().unwrap()),
            expiry,
            exchange_index: 0,
        };
        let _ = client.amend(&order_id, &amend, named.then(sub).flatten()).await;
    }
    let one = "1".parse().unwrap();
    for decrease in [Decrease::By(one), Decrease::To(one)] {
        let _ = client.decrease(&ticker, &order_id, decrease, None).await;
        let _ = client.decrease(&ticker, &order_id, decrease, sub()).await;
    }
}

async fn write_order_groups(client: &KalshiClient) {
    let group = "g-1".parse().unwrap();
    for (subaccount, exchange_index) in [(None, 0), (sub(), 1)] {
        let new = NewOrderGroup {
            limit: "150".parse().unwrap(),
            subaccount,
            exchange_index,
        };
        let _ = client.create_order_group(&new).await;
        let place = GroupPlace {
            subaccount,
            exchange_index: subaccount.map(|_| exchange_index),
        };
        let _ = client.trigger_order_group(&group, place).await;
        let _ = client.reset_order_group(&group, place).await;
        let _ = client
            .set_order_group_limit(&group, place, "0.5".parse().unwrap())
            .await;
        let _ = client.delete_order_group(&group, place).await;
    }
}

fn sent(request: &Request) -> Sent {
    assert!(
        Signed.matches(request) || Unsigned.matches(request),
        "neither signed nor unsigned: {request:?}"
    );
    Sent {
        method: request.method.to_string(),
        path: request.url.path().trim_start_matches(ROOT).to_owned(),
        query: request
            .url
            .query_pairs()
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect(),
        body: request.body.clone(),
        signed: Signed.matches(request),
    }
}

/// What the document says in words only.
fn prose_faults(operation: &str, sent: &Sent) -> Vec<String> {
    let has = |key: &str| sent.query.iter().any(|(name, _)| name == key);
    let body: Value = serde_json::from_slice(&sent.body).unwrap_or(Value::Null);
    let mut faults = Vec::new();
    let mut rule = |holds: bool, words: &str| {
        if !holds {
            faults.push(words.to_owned());
        }
    };
    match operation {
        "GetMarkets" => {
            let families = ["created", "updated", "close", "settled"];
            let used = families
                .iter()
                .filter(|family| has(&format!("min_{family}_ts")) || has(&format!("max_{family}_ts")));
            rule(used.count() <= 1, "bounds on more than one kind of time");
            let updated = has("min_updated_ts") || has("max_updated_ts");
            let others = ["status", "tickers", "event_ticker"].iter().any(|key| has(key));
            rule(!(updated && others), "an update range with another filter");
        }
        "DecreaseOrderV2" => rule(
            body["reduce_by"].is_string() != body["reduce_to"].is_string(),
            "exactly one of `reduce_by` and `reduce_to`",
        ),
        "GetOrderQueuePositions" => rule(
            has("market_tickers") != has("event_ticker"),
            "exactly one of `market_tickers` and `event_ticker`",
        ),
        "CreateOrderV2" => {
            let immediate = body["time_in_force"] == "immediate_or_cancel";
            rule(
                !immediate || body.get("expiration_time").is_none(),
                "an immediate order with an expiry",
            );
            rule(
                immediate || body["reduce_only"] == json!(false),
                "a resting reduce-only order",
            );
        }
        _ => {}
    }
    faults
}

#[tokio::test]
async fn every_request_is_as_the_document_says() {
    let Some(yaml) = specification("openapi.yaml") else {
        return;
    };
    let document = Document::read(&yaml);
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let bench = bench_of(&server);
    ask_about_the_exchange(&bench.client).await;
    ask_about_markets(&bench.client).await;
    ask_about_the_account(&bench.client).await;
    write_orders(&bench.client).await;
    write_order_groups(&bench.client).await;

    let mut covered = BTreeSet::new();
    let requests = server.received_requests().await.unwrap();
    for request in &requests {
        let sent = sent(request);
        let (operation, mut faults) = document.judge(&sent);
        faults.extend(prose_faults(&operation, &sent));
        assert!(faults.is_empty(), "{sent:?}: {faults:#?}");
        covered.insert(operation);
    }
    let trading = document.operations().into_iter().filter(|(_, place)| {
        let path = place.split(' ').nth(1).unwrap();
        !ELSEWHERE.iter().any(|prefix| path.starts_with(prefix))
    });
    let uncovered: Vec<String> = trading
        .filter(|(id, _)| !covered.contains(id))
        .map(|(id, place)| format!("  {place} ({id})"))
        .collect();
    eprintln!(
        "{} requests to {} operations; of the trading surface the client does not cover:\n{}",
        requests.len(),
        covered.len(),
        uncovered.join("\n")
    );
    for promised in PROMISED {
        assert!(covered.contains(promised), "{promised} was not asked");
    }
}

/// The judge itself: what it must refuse.
#[test]
fn the_judge_refuses_what_the_document_does_not_allow() {
    let Some(yaml) = specification("openapi.yaml") else {
        return;
    };
    let document = Document::read(&yaml);
    let judge = |method: &str, path: &str, query: &[(&str, &str)], body: Value, signed: bool| {
        let sent = Sent {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
            signed,
        };
        document.judge(&sent).1
    };
    let none = Value::Null;
    let get = |path: &str, query: &[(&str, &str)]| judge("GET", path, query, none.clone(), false);
    assert_eq!(get("/markets", &[("limit", "1000"), ("status", "open")]), [""; 0]);
    assert_eq!(get("/markets", &[("limit", "1001")]).len(), 1);
    assert_eq!(get("/markets", &[("limit", "ten")]).len(), 1);
    assert_eq!(get("/markets", &[("status", "active")]).len(), 1);
    assert_eq!(
        get("/markets", &[("status", "open"), ("status", "closed")]).len(),
        1
    );
    assert_eq!(get("/markets", &[("colour", "red")]).len(), 1);
    assert_eq!(get("/markets/orderbooks", &[]).len(), 1);
    assert_eq!(
        get("/markets/orderbooks", &[("tickers", "A"), ("tickers", "B")]),
        [""; 0]
    );
    assert_eq!(get("/portfolio/orders", &[]).len(), 1, "unsigned");
    assert_eq!(get("/nowhere", &[]).len(), 1);
    let create = |change: fn(&mut Value)| {
        let mut body = json!({
            "ticker": "A", "side": "bid", "count": "1.00", "price": "0.5000",
            "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker",
        });
        change(&mut body);
        judge("POST", "/portfolio/events/orders", &[], body, true)
    };
    assert_eq!(create(|_| {}), [""; 0]);
    assert_eq!(create(|body| body["count"] = json!(1)).len(), 1);
    assert_eq!(create(|body| body["side"] = json!("yes")).len(), 1);
    assert_eq!(create(|body| body["type"] = json!("limit")).len(), 1);
    assert_eq!(create(|body| body["subaccount"] = json!(-1)).len(), 1);
    assert!(!create(|body| drop(body.as_object_mut().unwrap().remove("price"))).is_empty());
}
