//! Questions about profit: by New York day, strategy and series.

use std::collections::BTreeMap;

use autotrader_domain::ports::StoreError;
use autotrader_domain::{EquityMark, Fill};
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
        self.pnl_by(|_, order| {
            order
                .map_or("external", |(strategy, _)| strategy.as_str())
                .to_owned()
        })
    }

    /// Profit since the first start by series.
    ///
    /// # Errors
    /// See the type; also when the fills overflow a position.
    pub fn pnl_by_series(&self) -> Result<BTreeMap<String, PartPnl>, StoreError> {
        self.pnl_by(|fill, order| {
            // Of an order that is not ours only the ticker is known, which begins with its series' ticker.
            let prefix = fill.ticker.as_str().split('-').next().unwrap_or_default();
            order.map_or(prefix, |(_, series)| series.as_str()).to_owned()
        })
    }

    /// Profit by the part that a fill belongs to, told by the strategy and series of its order when that is ours.
    fn pnl_by(
        &self,
        part_of: impl Fn(&Fill, Option<&(String, String)>) -> String,
    ) -> Result<BTreeMap<String, PartPnl>, StoreError> {
        self.ask(|c| {
            let (fills, settlements) = (fills::all_fills(c)?, fills::all_settlements(c)?);
            let orders = orders::strategies(c)?;
            positions::by_part(&fills, &settlements, |fill| {
                let id = fill.client_order_id.as_ref();
                part_of(fill, id.and_then(|id| orders.get(id.as_str())))
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
