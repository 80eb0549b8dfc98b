//! Questions about profit: by New York day, strategy and series.

use std::collections::BTreeMap;

use autotrader_domain::EquityMark;
use autotrader_domain::ports::StoreError;
use chrono::NaiveDate;

use crate::positions::{self, DayPnl, PartPnl};
use crate::{History, equity, fills, orders};

impl History {
    /// Realised profit and fees by New York day, derived from fills and settlements.
    ///
    /// # Errors
    /// See the type; also when the fills overflow a position.
    pub fn daily_pnl(&self) -> Result<BTreeMap<NaiveDate, DayPnl>, StoreError> {
        self.ask(|c| {
            let (fills, settlements) = (fills::all_fills(c)?, fills::all_settlements(c)?);
            positions::by_day(&fills, &settlements)
        })
    }

    /// Profit since the first start by strategy; fills of orders that are not ours are `external`.
    ///
    /// # Errors
    /// See the type; also when the fills overflow a position.
    pub fn pnl_by_strategy(&self) -> Result<BTreeMap<String, PartPnl>, StoreError> {
        self.ask(|c| {
            let (fills, settlements) = (fills::all_fills(c)?, fills::all_settlements(c)?);
            let orders = orders::strategies(c)?;
            positions::by_part(&fills, &settlements, |fill| {
                let order = fill
                    .client_order_id
                    .as_ref()
                    .and_then(|id| orders.get(id.as_str()));
                order.map_or_else(|| "external".to_owned(), |(strategy, _)| strategy.clone())
            })
        })
    }

    /// Profit since the first start by series.
    ///
    /// # Errors
    /// See the type; also when the fills overflow a position.
    pub fn pnl_by_series(&self) -> Result<BTreeMap<String, PartPnl>, StoreError> {
        self.ask(|c| {
            let (fills, settlements) = (fills::all_fills(c)?, fills::all_settlements(c)?);
            let orders = orders::strategies(c)?;
            positions::by_part(&fills, &settlements, |fill| {
                let order = fill
                    .client_order_id
                    .as_ref()
                    .and_then(|id| orders.get(id.as_str()));
                // Of an order that is not ours only the ticker is known, which begins with its series' ticker.
                let prefix = || {
                    fill.ticker
                        .as_str()
                        .split('-')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                };
                order.map_or_else(prefix, |(_, series)| series.clone())
            })
        })
    }

    /// The first and the last equity that was written down of each New York day.
    ///
    /// # Errors
    /// See the type.
    pub fn daily_equity(&self) -> Result<BTreeMap<NaiveDate, (EquityMark, EquityMark)>, StoreError> {
        self.ask(equity::of_days)
    }
}
