//! Balance, positions, fills and settlements.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{
    self as domain, BookSide, Contracts, Money, Net, Price, SettlementRecord, Ticker, VenueOrderId,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Page;
use crate::parse::portfolio as parse;

#[derive(Debug, Deserialize)]
pub(crate) struct MarketPosition {
    pub(crate) ticker: Ticker,
    pub(crate) position_fp: Net,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PositionsPage {
    pub(crate) market_positions: Vec<MarketPosition>,
    /// Optional in the document: absent on the last page.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fill {
    pub(crate) fill_id: String,
    pub(crate) order_id: VenueOrderId,
    /// Not sent since 2026-03-30; taken when it is.
    #[serde(default)]
    pub(crate) client_order_id: Option<String>,
    pub(crate) ticker: Ticker,
    pub(crate) book_side: BookSide,
    pub(crate) count_fp: Contracts,
    pub(crate) yes_price_dollars: Price,
    pub(crate) is_taker: bool,
    pub(crate) fee_cost: Money,
    /// Optional in the document, and so is `ts`; one of them must be there.
    #[serde(default)]
    pub(crate) created_time: Option<DateTime<Utc>>,
    /// Unix seconds.
    #[serde(default)]
    pub(crate) ts: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FillsPage {
    pub(crate) fills: Vec<Fill>,
    pub(crate) cursor: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Settlement {
    pub(crate) ticker: Ticker,
    pub(crate) market_result: String,
    pub(crate) yes_count_fp: Contracts,
    pub(crate) no_count_fp: Contracts,
    /// Whole cents.
    pub(crate) revenue: i64,
    /// Whole cents per YES contract.
    #[serde(default)]
    pub(crate) value: Option<i64>,
    pub(crate) settled_time: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SettlementsPage {
    pub(crate) settlements: Vec<Settlement>,
    /// Optional in the document: absent on the last page.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

impl Page for PositionsPage {
    type Item = MarketPosition;

    fn split(self) -> Result<(Vec<MarketPosition>, String), FeedError> {
        Ok((self.market_positions, self.cursor.unwrap_or_default()))
    }

    fn key(item: &MarketPosition) -> String {
        item.ticker.to_string()
    }
}

impl Page for FillsPage {
    type Item = domain::Fill;

    fn split(self) -> Result<(Vec<domain::Fill>, String), FeedError> {
        let fills = self.fills.into_iter().enumerate();
        let fills = fills.map(|(index, fill)| parse::fill(fill, &format!("$.fills[{index}]")));
        Ok((fills.collect::<Result<_, _>>()?, self.cursor))
    }

    fn key(item: &domain::Fill) -> String {
        item.fill_id.clone()
    }
}

impl Page for SettlementsPage {
    type Item = SettlementRecord;

    fn split(self) -> Result<(Vec<SettlementRecord>, String), FeedError> {
        let settlements = self.settlements.into_iter().enumerate();
        let settlements = settlements
            .map(|(index, settlement)| parse::settlement(settlement, &format!("$.settlements[{index}]")));
        Ok((
            settlements.collect::<Result<_, _>>()?,
            self.cursor.unwrap_or_default(),
        ))
    }

    fn key(item: &SettlementRecord) -> String {
        // An amended market may be settled again.
        format!("{}@{}", item.ticker, item.settled_at)
    }
}
