//! Positions and profit are derived, never stored.

use std::collections::BTreeMap;

use autotrader_domain::{Fill, Money, Position, SettlementRecord, Ticker};
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

/// Books fills and settlements market by market: a settlement after the market's fills up to its own time, however
/// late they were learnt.
fn replay(
    fills: &[Fill],
    settlements: &[SettlementRecord],
    mut on_step: impl FnMut(Step<'_>),
) -> Result<(), Fault> {
    let mut of_market: BTreeMap<&Ticker, Vec<&Fill>> = BTreeMap::new();
    for fill in fills {
        of_market.entry(&fill.ticker).or_default().push(fill);
    }
    for (ticker, mut fills) in of_market {
        let mut position = Position::default();
        for settlement in settlements
            .iter()
            .filter(|settlement| settlement.ticker == *ticker)
        {
            let (due, later): (Vec<&Fill>, Vec<&Fill>) = fills
                .into_iter()
                .partition(|fill| fill.filled_at <= settlement.settled_at);
            book(&mut position, &due, &mut on_step)?;
            fills = later;
            let before = position;
            position.settle(settlement.yes_value).ok_or_else(|| {
                Fault::unreadable("settlements", format!("{}, which overflows", settlement.ticker))
            })?;
            position.fees = position.fees.saturating_add(settlement.fee);
            on_step(Step {
                ticker,
                at: settlement.settled_at,
                settles: true,
                before,
                after: position,
            });
        }
        book(&mut position, &fills, &mut on_step)?;
    }
    Ok(())
}

fn book(position: &mut Position, fills: &[&Fill], on_step: &mut impl FnMut(Step<'_>)) -> Result<(), Fault> {
    for fill in fills {
        let before = *position;
        position
            .book(fill)
            .map_err(|error| Fault::unreadable("fills", error))?;
        on_step(Step {
            ticker: &fill.ticker,
            at: fill.filled_at,
            settles: false,
            before,
            after: *position,
        });
    }
    Ok(())
}
