//! Positions and profit are derived, never stored.

use std::collections::{BTreeMap, BTreeSet};

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
    let unreadable = |error| Fault::unreadable("fills and settlements", error);
    let account = Portfolio::replayed(Money::ZERO, fills, settlements).map_err(unreadable)?;
    let without_fees: Vec<SettlementRecord> = settlements
        .iter()
        .map(|record| SettlementRecord {
            fee: Money::ZERO,
            ..record.clone()
        })
        .collect();
    let mut parts: BTreeMap<String, Vec<Fill>> = BTreeMap::new();
    for fill in fills {
        parts.entry(part_of(fill)).or_default().push(fill.clone());
    }
    // The exchange charges a payout's fee once: the first part that held the market bears it.
    let mut charged = BTreeSet::new();
    let mut profits = BTreeMap::new();
    for (part, fills) in parts {
        let books = Portfolio::replayed(Money::ZERO, &fills, &without_fees).map_err(unreadable)?;
        let held = |ticker: &Ticker| {
            let of_part = books.settled.get(ticker);
            of_part.is_some_and(|settled| !settled.before.net.is_flat())
        };
        let mut paid = Money::ZERO;
        for (ticker, settled) in &account.settled {
            if !settled.before.net.is_flat() && held(ticker) && charged.insert(ticker) {
                paid = paid.saturating_add(settled.record.fee);
            }
        }
        let pnl = PartPnl {
            realized: books.realized(),
            fees: books.fees().saturating_add(paid),
            cost: books.cost(),
            fills: u64::try_from(fills.len()).unwrap_or(u64::MAX),
        };
        profits.insert(part, pnl);
    }
    Ok(profits)
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

#[cfg(test)]
mod tests {
    use autotrader_domain::{BookSide, Contracts, Liquidity};

    use super::*;

    fn fill(id: &str, side: BookSide, contracts: u32) -> Fill {
        Fill {
            fill_id: id.into(),
            venue_order_id: "o".parse().unwrap(),
            client_order_id: None,
            ticker: "A".parse().unwrap(),
            side,
            price: "0.40".parse().unwrap(),
            contracts: Contracts::whole(contracts),
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            filled_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_fee_of_a_payout_is_borne_once() {
        let settled = SettlementRecord {
            ticker: "A".parse().unwrap(),
            yes_value: "1".parse().unwrap(),
            fee: "0.01".parse().unwrap(),
            settled_at: DateTime::UNIX_EPOCH,
        };
        let part_of = |fill: &Fill| fill.fill_id.clone();
        for (second, expected) in [(BookSide::Bid, "0.01"), (BookSide::Ask, "0")] {
            let fills = [fill("first", BookSide::Bid, 5), fill("second", second, 5)];
            let account = Portfolio::replayed(Money::ZERO, &fills, std::slice::from_ref(&settled)).unwrap();
            let parts = by_part(&fills, std::slice::from_ref(&settled), part_of).unwrap();
            let fees: Money = parts.values().map(|part| part.fees).sum();
            assert_eq!(
                (fees, fees),
                (account.fees(), expected.parse().unwrap()),
                "{second:?}"
            );
            let realized: Money = parts.values().map(|part| part.realized).sum();
            assert_eq!(realized, account.realized(), "{second:?}");
        }
    }
}
