//! Positions are derived, never stored.

use std::collections::BTreeMap;

use autotrader_domain::{Fill, Position, SettlementRecord, Ticker};

use crate::fault::Fault;

/// Books fills and settlements market by market: a settlement after the market's fills up to its own time, however
/// late they were learnt.
pub(crate) fn replay(
    fills: &[Fill],
    settlements: &[SettlementRecord],
) -> Result<BTreeMap<Ticker, Position>, Fault> {
    let mut of_market: BTreeMap<&Ticker, Vec<&Fill>> = BTreeMap::new();
    for fill in fills {
        of_market.entry(&fill.ticker).or_default().push(fill);
    }
    of_market
        .into_iter()
        .map(|(ticker, fills)| {
            let settlements = settlements
                .iter()
                .filter(|settlement| settlement.ticker == *ticker);
            Ok((ticker.clone(), position(fills, settlements)?))
        })
        .collect()
}

fn position<'a>(
    mut fills: Vec<&Fill>,
    settlements: impl Iterator<Item = &'a SettlementRecord>,
) -> Result<Position, Fault> {
    let mut position = Position::default();
    for settlement in settlements {
        let (before, after): (Vec<&Fill>, Vec<&Fill>) = fills
            .into_iter()
            .partition(|fill| fill.filled_at <= settlement.settled_at);
        book(&mut position, &before)?;
        fills = after;
        position.settle(settlement.yes_value).ok_or_else(|| {
            Fault::unreadable("settlements", format!("{}, which overflows", settlement.ticker))
        })?;
        position.fees = position.fees.saturating_add(settlement.fee);
    }
    book(&mut position, &fills)?;
    Ok(position)
}

fn book(position: &mut Position, fills: &[&Fill]) -> Result<(), Fault> {
    for fill in fills {
        position
            .book(fill)
            .map_err(|error| Fault::unreadable("fills", error))?;
    }
    Ok(())
}
