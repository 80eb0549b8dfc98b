//! Answers made from the exchange's published document: what it allows, the client reads.
//!
//! So the client requires no field that the document does not require, bears every field and every documented word, `null`
//! where it may be, and fields that are not in the document.

use autotrader_domain::OrderRequest;
use autotrader_domain::ports::{
    AccountSource as _, CancelOutcome, FeedError, MarketData as _, OrderGateway as _, PlaceOutcome,
};
use autotrader_kalshi_api::candlesticks::{CandlePeriod, CandleWindow, Opening};
use autotrader_kalshi_api::events::{EventMarkets, EventsQuery};
use autotrader_kalshi_api::markets::MarketsQuery;
use autotrader_kalshi_api::order_changes::{Amend, CancelRequest, Decrease, ExpiryChange};
use autotrader_kalshi_api::order_groups::{GroupPlace, NewOrderGroup};
use autotrader_kalshi_api::orders::{OrdersQuery, QueueScope};
use autotrader_kalshi_api::portfolio::{BalanceQuery, FillsQuery, PositionsQuery, SettlementsQuery};
use autotrader_kalshi_api::series::{FeeChanges, SeriesQuery};
use autotrader_kalshi_api::trades::TradesQuery;
use autotrader_kalshi_api::{KalshiClient, OrderOptions, WriteOutcome};
use futures_util::{Stream, TryStreamExt as _};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::openapi::{Document, Made, specification};
use crate::orders::request;
use crate::support::{bench_of, now};

/// Every operation whose answer is read, except those whose items may fail one by one.
const READ: [&str; 41] = [
    "AmendOrderV2",
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
    "UpdateOrderGroupLimit",
];

/// The items of a listing, or of an answer, counted: an answer that is skipped would have none.
async fn count<T>(stream: impl Stream<Item = Result<T, FeedError>>) -> Result<usize, String> {
    let items: Vec<T> = stream.try_collect().await.map_err(|error| error.to_string())?;
    Ok(items.len())
}

fn one<T>(read: Result<T, FeedError>) -> Result<usize, String> {
    read.map(|_| 1).map_err(|error| error.to_string())
}

fn many<T>(read: Result<Vec<T>, FeedError>) -> Result<usize, String> {
    read.map(|items| items.len()).map_err(|error| error.to_string())
}

fn done<T: std::fmt::Debug>(outcome: WriteOutcome<T>) -> Result<usize, String> {
    match outcome {
        WriteOutcome::Accepted(_) => Ok(1),
        other => Err(format!("{other:?}")),
    }
}

fn order() -> OrderRequest {
    OrderRequest {
        client_order_id: "A".parse().unwrap(),
        ..request()
    }
}

async fn read(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    match operation {
        "GetExchangeStatus"
        | "GetExchangeSchedule"
        | "GetUserDataTimestamp"
        | "GetApiKeys"
        | "GetAccountApiLimits"
        | "GetAccountEndpointCosts" => read_exchange(client, operation).await,
        _ if operation.contains("Candlesticks") => read_candlesticks(client, operation).await,
        _ if operation.starts_with("GetOrder") || operation.contains("OrderGroup") => {
            read_orders(client, operation).await
        }
        "AmendOrderV2" | "DecreaseOrderV2" | "CreateOrderV2" | "CancelOrderV2" | "CancelAllOrders" => {
            write(client, operation).await
        }
        "GetBalance"
        | "GetFills"
        | "GetPositions"
        | "GetSettlements"
        | "GetSubaccountNetting"
        | "GetPortfolioRestingOrderTotalValue" => read_portfolio(client, operation).await,
        _ => read_markets(client, operation).await,
    }
}

async fn read_exchange(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    match operation {
        "GetExchangeStatus" => one(client.exchange_report().await),
        "GetExchangeSchedule" => one(client.exchange_schedule().await),
        "GetUserDataTimestamp" => one(client.user_data_timestamp().await),
        "GetApiKeys" => one(client.api_keys().await),
        "GetAccountApiLimits" => one(client.account_limits().await),
        "GetAccountEndpointCosts" => one(client.endpoint_costs().await),
        other => panic!("{other}"),
    }
}

async fn read_markets(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    let (series, event, ticker) = ("A".parse().unwrap(), "A".parse().unwrap(), "A".parse().unwrap());
    match operation {
        "GetEvent" => one(client.event(&event, EventMarkets::Nested).await),
        "GetEventFeeChanges" => count(client.list_event_fee_changes(None)).await,
        "GetEvents" => count(client.list_events(&EventsQuery::default())).await,
        "GetMarket" => one(client.listed_market(&ticker).await),
        "GetMarketOrderbook" => one(client.order_book(&ticker, None).await),
        "GetMarketOrderbooks" => {
            let books = client.books(std::slice::from_ref(&ticker)).await.unwrap();
            many(books.into_iter().map(|(_, book)| book).collect())
        }
        "GetMarkets" => count(client.list_markets(&MarketsQuery::default())).await,
        "GetSeries" => one(client.series(&series).await),
        "GetSeriesFeeChanges" => many(client.series_fee_changes(None, FeeChanges::All).await),
        "GetSeriesList" => many(client.list_series(&SeriesQuery::default()).await),
        "GetTrades" => count(client.list_trades(&TradesQuery::default())).await,
        other => panic!("{other}"),
    }
}

async fn read_candlesticks(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    let (series, event, ticker) = ("A".parse().unwrap(), "A".parse().unwrap(), "A".parse().unwrap());
    let window = CandleWindow {
        from: now(),
        to: now(),
        period: CandlePeriod::Minute,
    };
    match operation {
        "BatchGetMarketCandlesticks" => {
            let tickers = std::slice::from_ref(&ticker);
            many(client.candlesticks_of(tickers, window, Opening::Bare).await)
        }
        "GetMarketCandlesticks" => many(client.candlesticks(&series, &ticker, window, Opening::Bare).await),
        "GetMarketCandlesticksByEvent" => {
            let candles = client.event_candlesticks(&series, &event, window).await;
            many(candles.map(|candles| candles.markets))
        }
        other => panic!("{other}"),
    }
}

async fn read_portfolio(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    match operation {
        "GetBalance" => one(client.account_balance(BalanceQuery::default()).await),
        "GetFills" => count(client.list_fills(&FillsQuery::default())).await,
        "GetPortfolioRestingOrderTotalValue" => one(client.resting_order_value().await),
        "GetPositions" => count(client.list_positions(&PositionsQuery::default())).await,
        "GetSettlements" => count(client.list_settlements(&SettlementsQuery::default())).await,
        "GetSubaccountNetting" => many(client.netting().await),
        other => panic!("{other}"),
    }
}

async fn read_orders(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    let (id, group) = ("A".parse().unwrap(), "A".parse().unwrap());
    match operation {
        "GetOrder" => {
            one(client.order(&id).await)?;
            one(client.account_order(&id).await)
        }
        "GetOrders" => count(client.list_orders(&OrdersQuery::default())).await,
        "GetOrderQueuePosition" => one(client.queue_position(&id).await),
        "GetOrderQueuePositions" => {
            let scope = QueueScope::Event("A".parse().unwrap());
            many(client.queue_positions(&scope, None).await)
        }
        "GetOrderGroup" => one(client.order_group(&group, None).await),
        "GetOrderGroups" => one(client.order_groups(None).await),
        "CreateOrderGroup" => {
            let new = NewOrderGroup {
                limit: "1".parse().unwrap(),
                subaccount: None,
                exchange_index: 0,
            };
            done(client.create_order_group(&new).await)
        }
        "DeleteOrderGroup" => done(client.delete_order_group(&group, GroupPlace::default()).await),
        "ResetOrderGroup" => done(client.reset_order_group(&group, GroupPlace::default()).await),
        "UpdateOrderGroupLimit" => {
            let limit = "1".parse().unwrap();
            done(
                client
                    .set_order_group_limit(&group, GroupPlace::default(), limit)
                    .await,
            )
        }
        other => panic!("{other}"),
    }
}

async fn write(client: &KalshiClient, operation: &str) -> Result<usize, String> {
    let id = "A".parse().unwrap();
    match operation {
        "AmendOrderV2" => {
            let amend = Amend {
                ticker: order().ticker,
                side: order().side,
                limit: order().limit,
                total: order().contracts,
                client_order_id: None,
                new_client_order_id: Some(order().client_order_id),
                expiry: ExpiryChange::Keep,
                exchange_index: 0,
            };
            done(client.amend(&id, &amend, None).await)
        }
        "DecreaseOrderV2" => {
            let to = Decrease::To("1".parse().unwrap());
            done(client.decrease(&order().ticker, &id, to, None).await)
        }
        "CancelAllOrders" => done(client.cancel_all(None).await),
        "CreateOrderV2" => match client
            .place_with(&order(), &OrderOptions::default())
            .await
            .outcome
        {
            PlaceOutcome::Accepted { .. } => Ok(1),
            other => Err(format!("{other:?}")),
        },
        "CancelOrderV2" => match client.cancel(&order().ticker, &id).await.outcome {
            CancelOutcome::Canceled { .. } => Ok(1),
            other => Err(format!("{other:?}")),
        },
        other => panic!("{other}"),
    }
}

async fn serving(status: u16, body: &serde_json::Value) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status);
    let answer = if body.is_null() {
        answer
    } else {
        answer.set_body_json(body)
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn every_answer_that_the_document_allows_is_read() {
    let Some(yaml) = specification("openapi.yaml") else {
        return;
    };
    let document = Document::read(&yaml);
    for operation in READ {
        for made in [Made::Required, Made::Everything, Made::Nulls] {
            let (status, body) = document.answer(operation, made);
            let server = serving(status, &body).await;
            let bench = bench_of(&server);
            let found = read(&bench.client, operation).await;
            if (operation, made) == ("GetFills", Made::Required) {
                // The one thing that is required beyond the document: a fill without a time cannot be booked, and every
                // recorded fill has two.
                let words = found.unwrap_err();
                assert!(
                    words.starts_with("unexpected answer at $.fills[0].created_time: missing"),
                    "{words}"
                );
                continue;
            }
            assert!(
                found.as_ref().is_ok_and(|items| *items > 0),
                "{operation} {made:?}: {found:?} of {body}"
            );
        }
    }
}

#[tokio::test]
async fn batches_that_the_document_allows_are_read() {
    let Some(yaml) = specification("openapi.yaml") else {
        return;
    };
    let document = Document::read(&yaml);
    let (status, body) = document.answer("BatchCreateOrdersV2", Made::Nulls);
    // Its ids may be `null` too: then the place counts.
    let server = serving(status, &body).await;
    let placed = bench_of(&server)
        .client
        .place_batch(&[order()], &OrderOptions::default())
        .await;
    assert!(
        matches!(placed[..], [PlaceOutcome::Unknown { .. }]),
        "counts are null: {placed:?}"
    );

    let (status, body) = document.answer("BatchCancelOrdersV2", Made::Required);
    let server = serving(status, &body).await;
    let cancel = CancelRequest {
        order_id: "A".parse().unwrap(),
        ticker: order().ticker,
    };
    let canceled = bench_of(&server).client.cancel_batch(&[cancel]).await;
    assert!(
        matches!(canceled[..], [CancelOutcome::Canceled { .. }]),
        "{canceled:?}"
    );
}
