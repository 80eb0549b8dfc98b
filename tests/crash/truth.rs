//! What must be true at the end: our books and the exchange's are the same, order for order and micro-dollar for
//! micro-dollar.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{Fill, Money, Order, OrderState, Price, SettlementRecord};
use autotrader_simulator::exchange::{AccountId, Exchange, LogEntry, OrderRecord, OrderStatus};
use autotrader_state::{Filter, History};

use crate::life::Report;
use crate::stage::Stage;

/// What the database says.
pub struct Books {
    pub orders: BTreeMap<String, Order>,
    fills: Vec<Fill>,
    settlements: Vec<SettlementRecord>,
}

impl Books {
    #[track_caller]
    pub fn read(url: &str) -> Self {
        let history = History::open(url).unwrap();
        let all = Filter::default();
        Self {
            orders: history
                .orders(&all)
                .unwrap()
                .into_iter()
                .map(|order| (order.client_order_id.to_string(), order))
                .collect(),
            fills: history.fills(&all).unwrap(),
            settlements: history.settlements(&all).unwrap(),
        }
    }
}

/// Every order that reached the exchange is an intent in the database, whatever was lost.
#[track_caller]
pub fn nothing_was_sent_that_is_not_stored(stage: &Stage) {
    let books = Books::read(&stage.files.url());
    let world = stage.world.lock().unwrap();
    for entry in world.exchange.log().entries() {
        let LogEntry::OrderRequest { account, order, .. } = entry else {
            continue;
        };
        if *account == world.trader {
            let id = order.client_order_id.as_deref().unwrap();
            assert!(books.orders.contains_key(id), "{id} was sent and is not stored");
        }
    }
}

/// The differences between the books of a story and the exchange's, one sentence each.
pub fn differences(stage: &Stage, report: &Report) -> Vec<String> {
    let url = stage.files.url();
    let world = stage.world.lock().unwrap();
    let mut wrong = books_differ(&url, &world.exchange, world.trader, report);
    stories_differ(stage, &Books::read(&url), &mut wrong);
    wrong
}

/// The differences between our books and the exchange's, one sentence each.
pub fn books_differ(url: &str, exchange: &Exchange, trader: AccountId, report: &Report) -> Vec<String> {
    let books = Books::read(url);
    let mut wrong = Vec::new();
    orders_differ(&books, exchange, trader, &mut wrong);
    fills_differ(&books, exchange, trader, &mut wrong);
    settlements_differ(&books, exchange, trader, &mut wrong);
    money_differs(report, exchange, trader, &mut wrong);
    if !report.causes.is_empty() {
        wrong.push(format!("trading is restricted by {:?}", report.causes));
    }
    wrong
}

fn orders_differ(books: &Books, exchange: &Exchange, trader: AccountId, wrong: &mut Vec<String>) {
    let mut there: BTreeMap<&str, &OrderRecord> = BTreeMap::new();
    for order in exchange.orders(trader) {
        let id = order.asked.client_order_id.as_deref().unwrap();
        if there.insert(id, order).is_some() {
            wrong.push(format!("{id} is there twice"));
        }
        if !books.orders.contains_key(id) {
            wrong.push(format!("{id} is there and not in our books"));
        }
    }
    for (id, ours) in &books.orders {
        let same = match there.get(id.as_str()) {
            None => {
                matches!(ours.state, OrderState::Abandoned | OrderState::Rejected) && ours.filled.is_zero()
            }
            Some(theirs) => {
                let state = match theirs.status {
                    OrderStatus::Resting => false,
                    OrderStatus::Executed => ours.state == OrderState::Filled,
                    OrderStatus::Canceled => {
                        matches!(ours.state, OrderState::Canceled | OrderState::Expired)
                    }
                };
                let venue = ours.venue_order_id.as_ref().map(ToString::to_string);
                state && ours.filled == theirs.filled && venue == Some(theirs.id.to_string())
            }
        };
        if !same {
            wrong.push(format!(
                "{id}: ours is {} with {} filled, theirs {:?}",
                ours.state.as_str(),
                ours.filled,
                there.get(id.as_str()).map(|o| (o.status, o.filled))
            ));
        }
    }
}

/// The n-th order of every contract is the n-th that the story tells, and there is none beyond it.
fn stories_differ(stage: &Stage, books: &Books, wrong: &mut Vec<String>) {
    for contract in stage.scene.contracts {
        let ticker = contract.ticker();
        let of_contract = books
            .orders
            .values()
            .filter(|order| order.intent.ticker == ticker);
        let generations: BTreeSet<u64> = of_contract.map(|order| order.generation.0).collect();
        let told = u64::try_from(contract.wishes.len()).unwrap();
        let last = generations.last().copied().unwrap_or(0);
        // A market that settles may end its story early.
        let is_all = last == told || contract.settles_after.is_some();
        if !generations.iter().copied().eq(1..=last) || last > told || !is_all {
            wrong.push(format!("{ticker} has the orders {generations:?} of {told}"));
        }
    }
}

type Booked = (String, String, i64, i64, i64, bool);

fn fills_differ(books: &Books, exchange: &Exchange, trader: AccountId, wrong: &mut Vec<String>) {
    let ours: Vec<Booked> = books
        .fills
        .iter()
        .map(|fill| {
            (
                fill.fill_id.clone(),
                fill.client_order_id
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                fill.price.raw(),
                fill.contracts.raw(),
                fill.fee.raw(),
                fill.liquidity == autotrader_domain::Liquidity::Taker,
            )
        })
        .collect();
    let theirs: BTreeSet<Booked> = exchange
        .fills(trader)
        .map(|fill| {
            (
                fill.trade_id.to_string(),
                fill.client_order_id.clone().unwrap_or_default(),
                fill.price.raw(),
                fill.count.raw(),
                fill.fee.raw(),
                fill.is_taker,
            )
        })
        .collect();
    let once: BTreeSet<Booked> = ours.iter().cloned().collect();
    if once.len() != ours.len() {
        wrong.push("a fill is booked twice".to_owned());
    }
    let lost = theirs
        .difference(&once)
        .map(|fill| format!("lost or changed: {fill:?}"));
    let invented = once
        .difference(&theirs)
        .map(|fill| format!("not there: {fill:?}"));
    wrong.extend(lost.chain(invented));
}

fn settlements_differ(books: &Books, exchange: &Exchange, trader: AccountId, wrong: &mut Vec<String>) {
    let ours: Vec<(String, Price, Money)> = books
        .settlements
        .iter()
        .map(|settled| (settled.ticker.to_string(), settled.yes_value, settled.fee))
        .collect();
    let theirs: Vec<(String, Price, Money)> = exchange
        .settlements(trader)
        .map(|settled| (settled.ticker.to_string(), settled.value, settled.settlement_fee))
        .collect();
    if ours != theirs {
        wrong.push(format!("settlements: ours {ours:?}, theirs {theirs:?}"));
    }
}

fn money_differs(report: &Report, exchange: &Exchange, trader: AccountId, wrong: &mut Vec<String>) {
    let cash = exchange.account(trader).unwrap().cash;
    if report.cash != cash {
        wrong.push(format!("cash: ours {}, theirs {cash}", report.cash));
    }
    let held: BTreeMap<_, _> = exchange
        .positions(trader)
        .into_iter()
        .filter(|(_, holding)| !holding.net.is_flat())
        .map(|(ticker, holding)| (ticker, holding.net))
        .collect();
    if report.positions != held {
        wrong.push(format!("positions: ours {:?}, theirs {held:?}", report.positions));
    }
}
