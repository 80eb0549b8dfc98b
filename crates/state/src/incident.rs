//! Everything that was written down about one order or fill.

use autotrader_domain::ports::StoreError;
use autotrader_domain::{
    BoardHash, Contracts, Fill, Order, OrderRequest, OrderState, ParsePath, SettlementRecord, Ticker, Why,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::decisions::DecisionRow;
use crate::fault::Fault;
use crate::fills::{FillRow, SettlementRow};
use crate::history::{History, OrderEvent};
use crate::orders::OrderRow;
use crate::schema::{accepted_boards, boards, decisions, fills, order_events, orders, settlements};
use crate::words::{micros, read_contracts, read_hash, read_time, read_word};

/// The board that stood at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandingBoard {
    /// Its content hash.
    pub hash: BoardHash,
    /// The date that the board gives itself.
    pub vintage: DateTime<Utc>,
    /// How it was read.
    pub path: ParsePath,
    /// When it became current.
    pub accepted_at: DateTime<Utc>,
    /// How many entries it has.
    pub entries: i64,
}

/// What is on record about one order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderFile {
    /// The order as it stands.
    pub order: Order,
    /// The request that was stored before anything was sent.
    pub request: OrderRequest,
    /// The exact bytes of it; `None` for an order stored before they were.
    pub body: Option<String>,
    /// The board that stood when it was decided; `None` when none was accepted before.
    pub board: Option<StandingBoard>,
    /// The line of the why-ledger that the order follows from; `None` when it was pruned.
    pub decision: Option<Why>,
    /// Every step of its life, oldest first.
    pub steps: Vec<OrderEvent>,
}

/// Everything on record about one order or fill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// The market.
    pub ticker: Ticker,
    /// The order; `None` for a fill of an order that is not ours.
    pub order: Option<OrderFile>,
    /// Its fills, in the order booked.
    pub fills: Vec<Fill>,
    /// The market's settlements since, in the order booked.
    pub settlements: Vec<SettlementRecord>,
}

impl History {
    /// Everything on record about what `id` names: our order id, the exchange's, or a fill's; `None` when nothing has it.
    ///
    /// # Errors
    /// See the type.
    pub fn incident(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        self.ask(|c| {
            let row = match order_named(c, id)? {
                Some(row) => Some(row),
                None => match fill_named(c, id)? {
                    Some(fill) => match &fill.client_order_id {
                        Some(owner) => order_named(c, owner.as_str())?,
                        None => return strangers(c, fill).map(Some),
                    },
                    None => None,
                },
            };
            row.map(|row| of_order(c, &row)).transpose()
        })
    }
}

fn order_named(connection: &mut SqliteConnection, id: &str) -> Result<Option<OrderRow>, Fault> {
    let named = orders::client_order_id
        .eq(id)
        .nullable()
        .or(orders::venue_order_id.eq(id));
    Ok(orders::table
        .filter(named)
        .select(OrderRow::as_select())
        .first(connection)
        .optional()?)
}

fn fill_named(connection: &mut SqliteConnection, id: &str) -> Result<Option<Fill>, Fault> {
    let row: Option<FillRow> = fills::table
        .filter(fills::fill_id.eq(id))
        .select(FillRow::as_select())
        .first(connection)
        .optional()?;
    row.map(|row| row.fill()).transpose()
}

/// A fill of an order that is not ours: the order's other fills and the settlement are all there is.
fn strangers(connection: &mut SqliteConnection, fill: Fill) -> Result<Incident, Fault> {
    let rows: Vec<FillRow> = fills::table
        .filter(fills::venue_order_id.eq(fill.venue_order_id.as_str()))
        .order(fills::id)
        .select(FillRow::as_select())
        .load(connection)?;
    Ok(Incident {
        order: None,
        fills: rows.iter().map(FillRow::fill).collect::<Result<_, Fault>>()?,
        settlements: settled_since(connection, &fill.ticker, fill.filled_at)?,
        ticker: fill.ticker,
    })
}

fn of_order(connection: &mut SqliteConnection, row: &OrderRow) -> Result<Incident, Fault> {
    let order = row.order()?;
    let stored = row.stored_request()?;
    let rows: Vec<FillRow> = fills::table
        .filter(fills::client_order_id.eq(order.client_order_id.as_str()))
        .order(fills::id)
        .select(FillRow::as_select())
        .load(connection)?;
    let ticker = order.intent.ticker.clone();
    Ok(Incident {
        fills: rows.iter().map(FillRow::fill).collect::<Result<_, Fault>>()?,
        settlements: settled_since(connection, &ticker, order.created_at)?,
        order: Some(OrderFile {
            board: board_at(connection, order.created_at)?,
            decision: decision_at(connection, &ticker, order.created_at)?,
            steps: steps(connection, order.client_order_id.as_str())?,
            request: stored.request,
            body: stored.body,
            order,
        }),
        ticker,
    })
}

/// The life of one order, oldest step first.
pub(crate) fn steps(connection: &mut SqliteConnection, id: &str) -> Result<Vec<OrderEvent>, Fault> {
    let rows: Vec<(i64, String, i64, String, Option<String>)> = order_events::table
        .filter(order_events::client_order_id.eq(id))
        .order(order_events::id)
        .select((
            order_events::at,
            order_events::state,
            order_events::filled,
            order_events::detail,
            order_events::answer,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(at, state, filled, detail, answer)| {
            let state: OrderState = read_word("order_events.state", &state)?;
            let filled: Contracts = read_contracts("order_events.filled", filled)?;
            Ok(OrderEvent {
                at: read_time("order_events.at", at)?,
                state,
                filled,
                detail,
                answer,
            })
        })
        .collect()
}

fn settled_since(
    connection: &mut SqliteConnection,
    ticker: &Ticker,
    since: DateTime<Utc>,
) -> Result<Vec<SettlementRecord>, Fault> {
    let rows: Vec<SettlementRow> = settlements::table
        .filter(settlements::ticker.eq(ticker.as_str()))
        .filter(settlements::settled_at.ge(micros(since)))
        .order(settlements::id)
        .select(SettlementRow::as_select())
        .load(connection)?;
    rows.iter().map(SettlementRow::settlement).collect()
}

fn board_at(connection: &mut SqliteConnection, at: DateTime<Utc>) -> Result<Option<StandingBoard>, Fault> {
    type Row = (Vec<u8>, i64, String, i64, i64);
    let row: Option<Row> = accepted_boards::table
        .inner_join(boards::table.on(boards::hash.eq(accepted_boards::hash)))
        .filter(accepted_boards::accepted_at.le(micros(at)))
        .order(accepted_boards::id.desc())
        .select((
            accepted_boards::hash,
            accepted_boards::vintage,
            accepted_boards::path,
            accepted_boards::accepted_at,
            boards::entries,
        ))
        .first(connection)
        .optional()?;
    row.map(|(hash, vintage, path, accepted_at, entries)| {
        Ok(StandingBoard {
            hash: read_hash("accepted_boards.hash", &hash)?,
            vintage: read_time("accepted_boards.vintage", vintage)?,
            path: read_word("accepted_boards.path", &path)?,
            accepted_at: read_time("accepted_boards.accepted_at", accepted_at)?,
            entries,
        })
    })
    .transpose()
}

/// The line that an order follows from: lines are stored when they change, so it is the last one that acts.
fn decision_at(
    connection: &mut SqliteConnection,
    ticker: &Ticker,
    at: DateTime<Utc>,
) -> Result<Option<Why>, Fault> {
    let row: Option<DecisionRow> = decisions::table
        .filter(decisions::ticker.eq(ticker.as_str()))
        .filter(decisions::at.le(micros(at)))
        .filter(decisions::action.ne("hold"))
        .order(decisions::id.desc())
        .select(DecisionRow::as_select())
        .first(connection)
        .optional()?;
    row.map(|row| row.why()).transpose()
}
