//! Markets: one binary contract each, with its rules, its price grid and its life.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{EventTicker, FeeSchedule, Price, SeriesTicker, Ticker};

/// Where a market is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketStatus {
    /// Listed, not yet open.
    Initialized,
    /// Open for trading.
    Active,
    /// Paused.
    Inactive,
    /// Past its close, result unknown.
    Closed,
    /// Result known, provisional.
    Determined,
    /// Result disputed.
    Disputed,
    /// Result amended.
    Amended,
    /// Paid out.
    Finalized,
    /// A status this version does not know: not traded.
    Unknown,
}

/// A band of prices with one tick size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRange {
    /// First price of the band.
    pub start: Price,
    /// Last price of the band.
    pub end: Price,
    /// Tick size inside the band.
    pub step: Price,
}

/// The prices at which orders may rest, as the market's own bands say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceGrid(Vec<PriceRange>);

impl PriceGrid {
    /// A grid from bands; `None` when there is no band, a step is zero, or a band is reversed.
    #[must_use]
    pub fn new(ranges: Vec<PriceRange>) -> Option<Self> {
        let sound = !ranges.is_empty() && ranges.iter().all(|r| r.step > Price::ZERO && r.start < r.end);
        sound.then_some(Self(ranges))
    }

    /// Whole cents from 0 to 1 dollar.
    #[must_use]
    pub fn whole_cents() -> Self {
        let step = Price::from_cents(1).unwrap_or(Price::ONE);
        Self(vec![PriceRange {
            start: Price::ZERO,
            end: Price::ONE,
            step,
        }])
    }

    /// The bands.
    #[must_use]
    pub fn ranges(&self) -> &[PriceRange] {
        &self.0
    }

    /// Whether an order may rest at a price; zero and one dollar never.
    #[must_use]
    pub fn allows(&self, price: Price) -> bool {
        price > Price::ZERO
            && price < Price::ONE
            && self.0.iter().any(|r| {
                (r.start..=r.end).contains(&price) && (price.raw() - r.start.raw()) % r.step.raw() == 0
            })
    }

    /// The highest allowed price at or below `price`; `None` when there is none.
    #[must_use]
    pub fn floor(&self, price: Price) -> Option<Price> {
        self.0
            .iter()
            .filter(|r| r.start <= price)
            .filter_map(|r| {
                let within = price.min(r.end).raw() - r.start.raw();
                let snapped = Price::from_raw(r.start.raw() + within / r.step.raw() * r.step.raw())?;
                if snapped == Price::ONE {
                    snapped.offset(-r.step.raw())
                } else {
                    Some(snapped)
                }
            })
            .filter(|p| self.allows(*p))
            .max()
    }

    /// The lowest allowed price at or above `price`; `None` when there is none.
    #[must_use]
    pub fn ceil(&self, price: Price) -> Option<Price> {
        self.0
            .iter()
            .filter(|r| r.end >= price)
            .filter_map(|r| {
                let within = price.max(r.start).raw() - r.start.raw();
                let steps = within / r.step.raw() + i64::from(within % r.step.raw() != 0);
                let snapped =
                    Price::from_raw(r.start.raw() + steps * r.step.raw()).filter(|p| *p <= r.end)?;
                if snapped == Price::ZERO {
                    snapped.offset(r.step.raw())
                } else {
                    Some(snapped)
                }
            })
            .filter(|p| self.allows(*p))
            .min()
    }
}

/// How a market was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementResult {
    /// YES pays a dollar.
    Yes,
    /// NO pays a dollar.
    No,
    /// YES pays the settlement value.
    Scalar,
}

/// One binary market and its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// The market.
    pub ticker: Ticker,
    /// Its event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// Where it is in its life.
    pub status: MarketStatus,
    /// When trading ends; may move earlier.
    pub close_time: DateTime<Utc>,
    /// The prices at which orders may rest.
    pub grid: PriceGrid,
    /// Fee terms (event overrides already applied).
    pub fees: FeeSchedule,
    /// The rule text that names the outcome and the check time.
    pub rules_primary: String,
    /// The rule text that breaks ties.
    pub rules_secondary: String,
    /// `custom_strike.Model`, the exact slug, where the market has one.
    pub strike_model: Option<String>,
    /// The label of the YES side.
    pub yes_sub_title: String,
    /// The shard that holds its collateral.
    pub exchange_index: i32,
    /// How it was decided, once it was.
    pub result: Option<SettlementResult>,
    /// What a YES contract pays, once decided.
    pub settlement_value: Option<Price>,
}

/// What a market was decided to pay, whoever held it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The market.
    pub ticker: Ticker,
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// What a YES contract pays: never assumed to be zero or one.
    pub yes_value: Price,
    /// Whether it was paid: before that it may still be disputed and changed.
    pub paid: bool,
}

/// Whether the exchange takes orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeStatus {
    /// The exchange answers order operations, cancels included.
    pub exchange_active: bool,
    /// New orders are taken.
    pub trading_active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tapered() -> PriceGrid {
        let p = |t: &str| t.parse::<Price>().unwrap();
        PriceGrid::new(vec![
            PriceRange {
                start: p("0"),
                end: p("0.10"),
                step: p("0.001"),
            },
            PriceRange {
                start: p("0.10"),
                end: p("0.90"),
                step: p("0.01"),
            },
            PriceRange {
                start: p("0.90"),
                end: p("1"),
                step: p("0.001"),
            },
        ])
        .unwrap()
    }

    #[track_caller]
    fn check(grid: &PriceGrid, price: &str, floor: Option<&str>, ceil: Option<&str>) {
        let price: Price = price.parse().unwrap();
        assert_eq!(
            grid.floor(price),
            floor.map(|t| t.parse().unwrap()),
            "floor of {price}"
        );
        assert_eq!(
            grid.ceil(price),
            ceil.map(|t| t.parse().unwrap()),
            "ceil of {price}"
        );
    }

    #[test]
    fn prices_snap_to_the_band_they_are_in() {
        check(&tapered(), "0.0555", Some("0.055"), Some("0.056"));
        check(&tapered(), "0.555", Some("0.55"), Some("0.56"));
        check(&tapered(), "0.9999", Some("0.999"), None);
        check(&tapered(), "0.0001", None, Some("0.001"));
        check(&PriceGrid::whole_cents(), "1", Some("0.99"), None);
        check(&PriceGrid::whole_cents(), "0", None, Some("0.01"));
    }

    #[test]
    fn snapped_prices_are_allowed_and_tight_over_the_whole_range() {
        let grid = tapered();
        for raw in 0..=10_000 {
            let price = Price::from_raw(raw).unwrap();
            if grid.allows(price) {
                assert_eq!(grid.floor(price), Some(price));
                assert_eq!(grid.ceil(price), Some(price));
            }
            assert!(grid.floor(price).is_none_or(|p| grid.allows(p) && p <= price));
            assert!(grid.ceil(price).is_none_or(|p| grid.allows(p) && p >= price));
        }
    }
}
