//! Positions and profit are derived, never stored.

use std::collections::BTreeMap;

use autotrader_domain::{Booking, Fill, Money, Portfolio, Position, SettlementRecord, Ticker, bookings};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::New_York;
use serde::Serialize;

use crate::fault::Fault;

/// What one New York day brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DayPnl {
    /// Profit of what was closed or settled, fees apart.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
    /// Executions.
    pub fills: u64,
    /// Settlements of markets that were held.
    pub settlements: u64,
}

/// What one strategy, or one series, brought since the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PartPnl {
    /// Profit of what was closed or settled, fees apart.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
    /// Cost of what is open.
    pub cost: Money,
    /// Executions.
    pub fills: u64,
}

/// One booking and the position it left.
struct Step<'a> {
    ticker: &'a Ticker,
    at: DateTime<Utc>,
    settles: bool,
    before: Position,
    after: Position,
}

/// Positions by market; flat ones stay for their realised profit.
pub(crate) fn by_market(
    fills: &[Fill],
    settlements: &[SettlementRecord],
) -> Result<BTreeMap<Ticker, Position>, Fault> {
    let mut positions = BTreeMap::new();
    replay(fills, settlements, |step| {
        positions.insert(step.ticker.clone(), step.after);
    })?;
    Ok(positions)
}

/// Profit by New York day.
pub(crate) fn by_day(
    fills: &[Fill],
    settlements: &[SettlementRecord],
) -> Result<BTreeMap<NaiveDate, DayPnl>, Fault> {
    let mut days: BTreeMap<NaiveDate, DayPnl> = BTreeMap::new();
    replay(fills, settlements, |step| {
        let day = days
            .entry(step.at.with_timezone(&New_York).date_naive())
            .or_default();
        let realized = step.after.realized.saturating_sub(step.before.realized);
        day.realized = day.realized.saturating_add(realized);
        day.fees = day
            .fees
            .saturating_add(step.after.fees.saturating_sub(step.before.fees));
        if step.settles {
            day.settlements += 1;
        } else {
            day.fills += 1;
        }
    })?;
    Ok(days)
}

/// Profit by whom or what a fill belongs to, each part with a ledger of its own.
///
/// Two parts that hold opposite sides of one market each count their own cost, where the account counts neither: their sums
/// agree with the account's again once the market has paid.
pub(crate) fn by_part(
    fills: &[Fill],
    settlements: &[SettlementRecord],
    part_of: impl Fn(&Fill) -> String,
) -> Result<BTreeMap<String, PartPnl>, Fault> {
    let mut parts: BTreeMap<String, Vec<Fill>> = BTreeMap::new();
    for fill in fills {
        parts.entry(part_of(fill)).or_default().push(fill.clone());
    }
    let books = parts.into_iter().map(|(part, fills)| {
        let books = Portfolio::replayed(Money::ZERO, &fills, settlements)
            .map_err(|error| Fault::unreadable("fills and settlements", error))?;
        let pnl = PartPnl {
            realized: books.realized(),
            fees: books.fees(),
            cost: books.cost(),
            fills: u64::try_from(fills.len()).unwrap_or(u64::MAX),
        };
        Ok((part, pnl))
    });
    books.collect()
}

/// Books a history entry by entry with the one ledger of the domain.
fn replay(
    fills: &[Fill],
    settlements: &[SettlementRecord],
    mut on_step: impl FnMut(Step<'_>),
) -> Result<(), Fault> {
    let mut portfolio = Portfolio::default();
    for booking in bookings(fills, settlements) {
        let (ticker, at, settles) = match booking {
            Booking::Fill(fill) => (&fill.ticker, fill.filled_at, false),
            Booking::Settlement(record) => (&record.ticker, record.settled_at, true),
        };
        let before = portfolio.position(ticker);
        portfolio
            .book(booking)
            .map_err(|error| Fault::unreadable("fills and settlements", error))?;
        let paid_nothing = settles
            && portfolio
                .settled
                .get(ticker)
                .is_none_or(|settled| settled.before.net.is_flat());
        if paid_nothing {
            continue;
        }
        on_step(Step {
            ticker,
            at,
            settles,
            before,
            after: portfolio.position(ticker),
        });
    }
    Ok(())
}
