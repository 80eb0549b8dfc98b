//! Every recorded answer of the exchange and what it is read as, in one table. Skipped visibly where the recordings are not at hand.

use autotrader_kalshi_api::OrderOptions;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use autotrader_domain::ports::{CancelOutcome, OrderGateway as _, PlaceOutcome};
use autotrader_kalshi_api::markets::{ListedMarket, MarketsQuery};
use autotrader_kalshi_api::orders::OrdersQuery;
use autotrader_kalshi_api::portfolio::{
    BalanceQuery, FillsQuery, PositionRow, PositionsQuery, SettlementsQuery,
};
use autotrader_kalshi_api::series::FeeChanges;
use autotrader_kalshi_api::trades::TradesQuery;
use futures_util::{Stream, TryStreamExt as _};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::captured_values::captured_request;
use crate::support::{Bench, bench_of};

/// The folder of captures, or `None` with a visible line.
pub fn captures() -> Option<PathBuf> {
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    // Tests may be pointed at the captures from outside.
    #[expect(clippy::disallowed_methods, reason = "only tests ask where the captures are")]
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or(beside, PathBuf::from);
    let folder = root.join("kalshi/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no captures at {}", folder.display());
    None
}

pub fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// What a body is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Balance,
    Book,
    Cancel,
    Costs,
    FeeChanges,
    Fills,
    Limits,
    Market,
    Markets,
    Order,
    Orders,
    Place,
    Positions,
    Schedule,
    Settlements,
    Status,
    Trades,
    /// Read by the stream's own tests.
    Frames,
}

use Reader as R;

const BALANCE: &str = "98.018600 of 9801 cents, shards [(0, 98.018600)]";
const SKEW: &str = "not available now: HTTP 401: header_timestamp_expired: header timestamp expired (check this machine's clock)";
const NOT_ON_BOOK: &str = "not on book";

/// Every file of the folder but the descriptions beside the bodies: what it is read with, and what comes of it.
pub const TABLE: &[(&str, Reader, &str)] = &[
    ("account__endpoint_costs.json", R::Costs, "default 10, 16 rows"),
    (
        "account__limits.json",
        R::Limits,
        "basic: read 200 of 200, write 100 of 100",
    ),
    (
        "auth__bad_signature.json",
        R::Balance,
        "access refused: HTTP 401: authentication_error: authentication_error: INCORRECT_API_KEY_SIGNATURE",
    ),
    ("auth__balance_alt_host.json", R::Balance, BALANCE),
    ("auth__balance_ok.json", R::Balance, BALANCE),
    (
        "auth__missing_signature_header.json",
        R::Balance,
        "access refused: HTTP 401: signature_is_missing_from_headers: signature is missing from headers",
    ),
    ("auth__skew_minus30s.json", R::Balance, SKEW),
    ("auth__skew_minus5min.json", R::Balance, SKEW),
    ("auth__skew_minus5s.json", R::Balance, BALANCE),
    ("auth__skew_plus5min.json", R::Balance, SKEW),
    ("auth__skew_plus5s.json", R::Balance, BALANCE),
    (
        "auth__unknown_key_id.json",
        R::Balance,
        "access refused: HTTP 401: authentication_error: authentication_error: NOT_FOUND",
    ),
    ("cleanup__leftover_0.json", R::Cancel, NOT_ON_BOOK),
    ("cleanup__leftover_1.json", R::Cancel, NOT_ON_BOOK),
    ("cleanup__leftover_2.json", R::Cancel, NOT_ON_BOOK),
    ("cleanup__stp_resting.json", R::Cancel, "canceled 1.00"),
    (
        "exchange__status.json",
        R::Status,
        "exchange true, trading true, 0 shards",
    ),
    (
        "exchange_schedule_response.json",
        R::Schedule,
        "1 set, Thursdays 00:00-03:00 05:00-00:00",
    ),
    (
        "fills__after_taker.json",
        R::Fills,
        "3: bid 1.00 at 0.5200 for 0.017500",
    ),
    (
        "markets__garbage_cursor.json",
        R::Markets,
        "5: KXMLBHIT-26JUN111310AZMIA-AZKMARTE4-4 Known(Initialized) None",
    ),
    (
        "markets__high_temp.json",
        R::Markets,
        "18: KXHIGHNY-26JUN15-T85 Known(Active) None",
    ),
    (
        "markets__limit_over_max.json",
        R::Markets,
        "refused: HTTP 400: Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' \
         Error:Field validation for 'Limit' failed on the 'lte' tag",
    ),
    (
        "markets__page1.json",
        R::Markets,
        "5: KXMLBHIT-26JUN111310AZMIA-AZKMARTE4-4 Known(Initialized) None",
    ),
    (
        "markets__page2.json",
        R::Markets,
        "5: KXMLBHIT-26JUN111310AZMIA-AZGPERDOMO2-2 Known(Initialized) None",
    ),
    (
        "markets__page3.json",
        R::Markets,
        "5: KXMLBHIT-26JUN111310AZMIA-AZCCARROLL7-1 Known(Initialized) None",
    ),
    (
        "markets__single.json",
        R::Market,
        "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP Known(Active) None",
    ),
    (
        "markets__single_filter_lastpage.json",
        R::Markets,
        "1: KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP Known(Active) None",
    ),
    (
        "markets__status_closed.json",
        R::Markets,
        "5: KXQUICKSETTLE-11JUN26H0220-3 Known(Determined) Some(Known(No))",
    ),
    (
        "markets__status_open.json",
        R::Markets,
        "200: KXMVESPORTSMULTIGAMEEXTENDED-S202667DDE5A948C-EAAA448B85D Known(Active) None",
    ),
    (
        "markets__status_settled.json",
        R::Markets,
        "5: KXMVECROSSCATEGORY-S20261A92736411A-0876414E15B Known(Finalized) Some(Known(No))",
    ),
    (
        "markets__unauth_list.json",
        R::Markets,
        "2: KXMLBHIT-26JUN111310AZMIA-AZKMARTE4-4 Known(Initialized) None",
    ),
    (
        "markets__unauth_single.json",
        R::Market,
        "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP Known(Active) None",
    ),
    (
        "orderbook__base.json",
        R::Book,
        "bid 0.4700 for 3.00, ask 0.5200 for 3.00",
    ),
    ("orders__cancel_already_canceled.json", R::Cancel, NOT_ON_BOOK),
    ("orders__cancel_executed.json", R::Cancel, NOT_ON_BOOK),
    ("orders__cancel_unknown_id.json", R::Cancel, NOT_ON_BOOK),
    ("orders__cancel_v2.json", R::Cancel, "canceled 1.00"),
    (
        "orders__create_v2_maker.json",
        R::Place,
        "accepted: filled 0.00, remaining 1.00",
    ),
    (
        "orders__create_v2_taker_ioc.json",
        R::Place,
        "accepted: filled 1.00, remaining 0.00",
    ),
    (
        "orders__duplicate_client_order_id.json",
        R::Place,
        "rejected: order_already_exists",
    ),
    (
        "orders__get_after_cancel.json",
        R::Order,
        "Known(Resting): 0.00 of 1.00 at 0.0100, remaining 1.00",
    ),
    (
        "orders__get_after_create.json",
        R::Order,
        "Known(Resting): 0.00 of 1.00 at 0.0100, remaining 1.00",
    ),
    (
        "orders__insufficient_balance.json",
        R::Place,
        "rejected: insufficient_balance",
    ),
    (
        "orders__invalid_price_structure.json",
        R::Place,
        "rejected: invalid_price",
    ),
    // The answers of the old write path hold a whole order.
    (
        "orders__legacy_cancel.json",
        R::Order,
        "Known(Canceled): 0.00 of 1.00 at 0.0100, remaining 0.00",
    ),
    (
        "orders__legacy_create.json",
        R::Order,
        "Known(Resting): 0.00 of 1.00 at 0.0100, remaining 1.00",
    ),
    (
        "orders__numeric_field_types.json",
        R::Place,
        "rejected: bad_request",
    ),
    (
        "orders__post_only_cross.json",
        R::Place,
        "rejected: post_only_cross",
    ),
    (
        "orders__reuse_canceled_client_id.json",
        R::Place,
        "rejected: order_already_exists",
    ),
    (
        "orders__settlement_seed.json",
        R::Place,
        "accepted: filled 1.00, remaining 0.00",
    ),
    (
        "orders__stp_resting_after.json",
        R::Order,
        "Known(Resting): 0.00 of 1.00 at 0.4800, remaining 1.00",
    ),
    (
        "orders__stp_self_cross.json",
        R::Place,
        "accepted: filled 0.00, remaining 0.00",
    ),
    (
        "orders__stp_setup.json",
        R::Place,
        "accepted: filled 0.00, remaining 1.00",
    ),
    (
        "portfolio__orders_list.json",
        R::Orders,
        "9: Known(Executed): 1.00 of 1.00 at 0.9900, remaining 0.00",
    ),
    (
        "portfolio__positions.json",
        R::Positions,
        "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP 3.00 for 2.500000; KXWTACHALLENGERMATCH-26JUN11JIMLEP 3.00 for 2.500000",
    ),
    ("series__fee_changes.json", R::FeeChanges, "0"),
    ("settlements__end_of_session.json", R::Settlements, "0"),
    ("settlements__page.json", R::Settlements, "0"),
    (
        "trades__public_recorded.json",
        R::Trades,
        "12: Known(Bid) 7.77 at 0.0300",
    ),
    ("ws__orderbook_trade_noleg.jsonl", R::Frames, ""),
];

/// Files that hold no answer of the exchange.
const NO_ANSWERS: [&str; 2] = ["README.md", "session__manifest.meta.json"];

/// A recorded answer.
pub struct Capture {
    pub name: &'static str,
    pub status: u16,
    pub body: Value,
    /// How it was asked for; `null` where that was not recorded.
    asked: Value,
}

impl Capture {
    pub fn load(folder: &Path, file: &'static str) -> Self {
        let name = file.trim_end_matches(".json");
        let meta = folder.join(format!("{name}.meta.json"));
        let asked = if meta.is_file() {
            json_of(&meta)
        } else {
            Value::Null
        };
        let mut body = json_of(&folder.join(file));
        // One recorder wrapped the body.
        if body.get("_metadata").is_some() {
            body = body["response"].take();
        }
        // The next pages are other recordings.
        if let Some(cursor) = body.get_mut("cursor") {
            *cursor = json!("");
        }
        Self {
            name,
            status: asked["status"]
                .as_u64()
                .map_or(200, |status| status.try_into().unwrap()),
            body,
            asked,
        }
    }

    /// The last segment of the path that was asked for.
    fn asked_id(&self) -> &str {
        let path = self.asked["path"].as_str().unwrap();
        path.rsplit('/').next().unwrap().split('?').next().unwrap()
    }
}

/// A server that gives the answer of the moment to every question.
pub struct Replay {
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    bench: Bench,
    _server: MockServer,
}

impl Replay {
    pub async fn start() -> Self {
        let answer = Arc::new(Mutex::new((200, Vec::new())));
        let served = Arc::clone(&answer);
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(move |_: &Request| {
                let (status, body) = served.lock().unwrap().clone();
                ResponseTemplate::new(status).set_body_raw(body, "application/json")
            })
            .mount(&server)
            .await;
        Self {
            answer,
            bench: bench_of(&server),
            _server: server,
        }
    }

    pub fn set(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = (status, serde_json::to_vec(body).unwrap());
    }

    /// The answer of the moment, read; what comes of it in words.
    pub async fn read(&self, folder: &Path, reader: Reader, capture: &Capture) -> Result<String, String> {
        let client = &self.bench.client;
        let words = |error: autotrader_domain::ports::FeedError| error.to_string();
        match reader {
            R::Balance => client
                .account_balance(BalanceQuery::default())
                .await
                .map_err(words)
                .map(|balance| {
                    let shards: Vec<_> = balance
                        .by_shard
                        .iter()
                        .map(|s| (s.exchange_index, s.dollars))
                        .collect();
                    format!(
                        "{} of {} cents, shards {shards:?}",
                        balance.available, capture.body["balance"]
                    )
                }),
            R::Book => {
                let ticker = "T".parse().unwrap();
                client.order_book(&ticker, None).await.map_err(words).map(|book| {
                    let (bid, ask) = (book.best_bid().unwrap(), book.best_ask().unwrap());
                    format!(
                        "bid {} for {}, ask {} for {}",
                        bid.price, bid.size, ask.price, ask.size
                    )
                })
            }
            R::Cancel => {
                let id = capture.asked_id().parse().unwrap();
                match client.cancel(&"T".parse().unwrap(), &id).await.outcome {
                    CancelOutcome::Canceled { reduced_by } => Ok(format!("canceled {reduced_by}")),
                    CancelOutcome::NotOnBook => Err(NOT_ON_BOOK.to_owned()),
                    CancelOutcome::Refused { reason, .. } => Err(format!("refused: {}", reason.code())),
                    CancelOutcome::Unknown { detail } => Err(detail),
                }
            }
            R::Costs => client
                .endpoint_costs()
                .await
                .map_err(words)
                .map(|costs| format!("default {}, {} rows", costs.default_cost, costs.endpoints.len())),
            R::FeeChanges => {
                let changes = client.series_fee_changes(None, FeeChanges::ToCome).await;
                changes.map_err(words).map(|changes| changes.len().to_string())
            }
            R::Fills => all(client.list_fills(&FillsQuery::default())).await.map(|fills| {
                let first = &fills[0];
                let side = format!("{:?}", first.side).to_lowercase();
                let (contracts, price, fee) = (first.contracts, first.price, first.fee);
                format!("{}: {side} {contracts} at {price} for {fee}", fills.len())
            }),
            R::Limits => client.account_limits().await.map_err(words).map(|limits| {
                let (read, write) = (limits.read, limits.write);
                format!(
                    "{}: read {} of {}, write {} of {}",
                    limits.usage_tier,
                    read.refill_per_second,
                    read.capacity,
                    write.refill_per_second,
                    write.capacity
                )
            }),
            R::Market => {
                let ticker = capture.asked_id().parse().unwrap();
                client
                    .listed_market(&ticker)
                    .await
                    .map_err(words)
                    .map(|market| market_words(&market))
            }
            R::Markets => all(client.list_markets(&MarketsQuery::default()))
                .await
                .map(|markets| format!("{}: {}", markets.len(), market_words(&markets[0]))),
            R::Order => {
                let id = capture.body["order"]["order_id"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                client
                    .account_order(&id)
                    .await
                    .map_err(words)
                    .map(|order| order_words(&order))
            }
            R::Orders => all(client.list_orders(&OrdersQuery::default()))
                .await
                .map(|orders| format!("{}: {}", orders.len(), order_words(&orders[0]))),
            R::Place => match client
                .place_with(&captured_request(folder, capture.name), &OrderOptions::default())
                .await
                .outcome
            {
                PlaceOutcome::Accepted {
                    filled, remaining, ..
                } => Ok(format!("accepted: filled {filled}, remaining {remaining}")),
                PlaceOutcome::Rejected { reason, .. } => Err(format!("rejected: {}", reason.code())),
                PlaceOutcome::NotSent { detail } | PlaceOutcome::Unknown { detail } => Err(detail),
            },
            R::Positions => all(client.list_positions(&PositionsQuery::default()))
                .await
                .map(|rows| {
                    let words = rows.iter().map(|row| match row {
                        PositionRow::Market(market) => {
                            format!("{} {} for {}", market.ticker, market.net, market.exposure)
                        }
                        PositionRow::Event(event) => {
                            format!(
                                "{} {} for {}",
                                event.event_ticker, event.contracts, event.exposure
                            )
                        }
                    });
                    words.collect::<Vec<_>>().join("; ")
                }),
            R::Schedule => client.exchange_schedule().await.map_err(words).map(|schedule| {
                let sessions = schedule.standard_hours[0].thursday.iter().map(|session| {
                    format!(
                        "{}-{}",
                        session.open_time.format("%H:%M"),
                        session.close_time.format("%H:%M")
                    )
                });
                let sessions: Vec<_> = sessions.collect();
                format!(
                    "{} set, Thursdays {}",
                    schedule.standard_hours.len(),
                    sessions.join(" ")
                )
            }),
            R::Settlements => {
                let settlements = all(client.list_settlements(&SettlementsQuery::default())).await;
                settlements.map(|settlements| settlements.len().to_string())
            }
            R::Status => client.exchange_report().await.map_err(words).map(|report| {
                format!(
                    "exchange {}, trading {}, {} shards",
                    report.exchange_active,
                    report.trading_active,
                    report.exchange_index_statuses.len()
                )
            }),
            R::Trades => all(client.list_trades(&TradesQuery::default()))
                .await
                .map(|trades| {
                    let first = &trades[0];
                    let (side, contracts, price) = (&first.taker_side, first.contracts, first.price);
                    format!("{}: {side:?} {contracts} at {price}", trades.len())
                }),
            R::Frames => Ok(String::new()),
        }
    }
}

async fn all<T>(
    stream: impl Stream<Item = Result<T, autotrader_domain::ports::FeedError>>,
) -> Result<Vec<T>, String> {
    stream.try_collect().await.map_err(|error| error.to_string())
}

fn market_words(market: &ListedMarket) -> String {
    format!("{} {:?} {:?}", market.ticker, market.status, market.result)
}

fn order_words(order: &autotrader_kalshi_api::orders::AccountOrder) -> String {
    format!(
        "{:?}: {} of {} at {}, remaining {}",
        order.status, order.filled, order.initial, order.limit, order.remaining
    )
}

#[test]
fn the_table_lists_every_file() {
    let Some(folder) = captures() else { return };
    let mut listed: BTreeSet<String> = TABLE.iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(listed.len(), TABLE.len(), "a file is listed twice");
    listed.extend(NO_ANSWERS.map(str::to_owned));
    let found = std::fs::read_dir(&folder).unwrap();
    let found: BTreeSet<String> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // The description beside a body that is listed.
        .filter(|name| {
            let body = |end: &str| format!("{}{end}", name.trim_end_matches(".meta.json"));
            !name.ends_with(".meta.json")
                || !(listed.contains(&body(".json")) || listed.contains(&body(".jsonl")))
        })
        .collect();
    assert_eq!(found, listed);
}

#[tokio::test]
async fn every_recorded_answer_is_read_as_the_table_says() {
    let Some(folder) = captures() else { return };
    let replay = Replay::start().await;
    for (file, reader, expected) in TABLE {
        if *reader == R::Frames {
            continue;
        }
        let capture = Capture::load(&folder, file);
        replay.set(capture.status, &capture.body);
        let read = replay.read(&folder, *reader, &capture).await;
        assert_eq!(read.is_ok(), capture.status < 300, "{file}: {read:?}");
        let (Ok(words) | Err(words)) = read;
        assert_eq!(words, *expected, "{file}");
    }
}
