//! Executions and settlements, each booked once.

use autotrader_domain::{Fill, SettlementRecord};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::connection::{Begin, atomically};
use crate::fault::Fault;
use crate::schema::{fills, settlements};
use crate::words::{
    micros, read_contracts, read_money, read_optional_word, read_price, read_time, read_word, word,
};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = fills, check_for_backend(Sqlite))]
pub(crate) struct FillRow {
    fill_id: String,
    venue_order_id: String,
    client_order_id: Option<String>,
    ticker: String,
    side: String,
    price: i64,
    contracts: i64,
    fee: i64,
    liquidity: String,
    filled_at: i64,
}

impl FillRow {
    fn new(fill: &Fill) -> Result<Self, Fault> {
        Ok(Self {
            fill_id: fill.fill_id.clone(),
            venue_order_id: word(&fill.venue_order_id)?,
            client_order_id: fill.client_order_id.as_ref().map(word).transpose()?,
            ticker: word(&fill.ticker)?,
            side: word(&fill.side)?,
            price: fill.price.raw(),
            contracts: fill.contracts.raw(),
            fee: fill.fee.raw(),
            liquidity: word(&fill.liquidity)?,
            filled_at: micros(fill.filled_at),
        })
    }

    pub(crate) fn fill(&self) -> Result<Fill, Fault> {
        Ok(Fill {
            fill_id: self.fill_id.clone(),
            venue_order_id: read_word("fills.venue_order_id", &self.venue_order_id)?,
            client_order_id: read_optional_word("fills.client_order_id", self.client_order_id.as_deref())?,
            ticker: read_word("fills.ticker", &self.ticker)?,
            side: read_word("fills.side", &self.side)?,
            price: read_price("fills.price", self.price)?,
            contracts: read_contracts("fills.contracts", self.contracts)?,
            fee: read_money(self.fee),
            liquidity: read_word("fills.liquidity", &self.liquidity)?,
            filled_at: read_time("fills.filled_at", self.filled_at)?,
        })
    }

    /// Whether two rows can be reports of one execution. Fee and attribution may become known later.
    fn same_execution(&self, other: &Self) -> bool {
        self.venue_order_id == other.venue_order_id
            && self.ticker == other.ticker
            && self.side == other.side
            && self.price == other.price
            && self.contracts == other.contracts
    }
}

/// Stores a fill once; `false` when it was there already.
///
/// A repeated report that names our order completes a stored one that did not.
pub(crate) fn record_fill(connection: &mut SqliteConnection, fill: &Fill) -> Result<bool, Fault> {
    let row = FillRow::new(fill)?;
    atomically(connection, Begin::ToWrite, |connection| {
        let stored: Option<FillRow> = fills::table
            .filter(fills::fill_id.eq(&row.fill_id))
            .select(FillRow::as_select())
            .first(connection)
            .optional()?;
        let Some(stored) = stored else {
            diesel::insert_into(fills::table)
                .values(&row)
                .execute(connection)?;
            return Ok(true);
        };
        if !stored.same_execution(&row) {
            return Err(Fault::Conflict(format!(
                "fill {} is stored as {} contracts of {} at {} on order {}, and reported as {} contracts of {} at {} on order {}",
                row.fill_id,
                read_contracts("fills.contracts", stored.contracts)?,
                stored.ticker,
                read_price("fills.price", stored.price)?,
                stored.venue_order_id,
                fill.contracts,
                row.ticker,
                fill.price,
                row.venue_order_id,
            )));
        }
        if stored.client_order_id.is_none() && row.client_order_id.is_some() {
            diesel::update(fills::table.filter(fills::fill_id.eq(&row.fill_id)))
                .set(fills::client_order_id.eq(&row.client_order_id))
                .execute(connection)?;
        }
        Ok(false)
    })
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = settlements, check_for_backend(Sqlite))]
pub(crate) struct SettlementRow {
    ticker: String,
    yes_value: i64,
    fee: i64,
    settled_at: i64,
}

impl SettlementRow {
    pub(crate) fn settlement(&self) -> Result<SettlementRecord, Fault> {
        Ok(SettlementRecord {
            ticker: read_word("settlements.ticker", &self.ticker)?,
            yes_value: read_price("settlements.yes_value", self.yes_value)?,
            fee: read_money(self.fee),
            settled_at: read_time("settlements.settled_at", self.settled_at)?,
        })
    }
}

/// Stores a settlement once; `false` when it was there already.
pub(crate) fn record_settlement(
    connection: &mut SqliteConnection,
    settlement: &SettlementRecord,
) -> Result<bool, Fault> {
    let row = SettlementRow {
        ticker: word(&settlement.ticker)?,
        yes_value: settlement.yes_value.raw(),
        fee: settlement.fee.raw(),
        settled_at: micros(settlement.settled_at),
    };
    let stored = diesel::insert_or_ignore_into(settlements::table)
        .values(&row)
        .execute(connection)?;
    Ok(stored > 0)
}

/// Every fill, in the order booked.
pub(crate) fn all_fills(connection: &mut SqliteConnection) -> Result<Vec<Fill>, Fault> {
    let rows: Vec<FillRow> = fills::table
        .order(fills::id)
        .select(FillRow::as_select())
        .load(connection)?;
    rows.iter().map(FillRow::fill).collect()
}

/// Every settlement, in the order booked.
pub(crate) fn all_settlements(connection: &mut SqliteConnection) -> Result<Vec<SettlementRecord>, Fault> {
    let rows: Vec<SettlementRow> = settlements::table
        .order(settlements::id)
        .select(SettlementRow::as_select())
        .load(connection)?;
    rows.iter().map(SettlementRow::settlement).collect()
}
