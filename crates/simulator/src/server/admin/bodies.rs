//! What may be asked of the admin endpoint.

use autotrader_domain::{BookSide, Contracts, Price, SettlementResult, Ticker};
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::AdminError;
use crate::faults::{FaultKind, Rate, Scope};

/// Reads a body; what is wrong with it is said by name.
pub(super) fn read<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, AdminError> {
    serde_json::from_slice(bytes)
        .map_err(|error| AdminError::bad(format!("The body is not what is wanted here: {error}.")))
}

/// Parses a text field.
fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, AdminError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| AdminError::bad(format!("`{name}`: {error}.")))
}

/// `POST /admin/faults`: one kind's rule and standing orders, or a whole specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultOrder {
    /// As on the command line; nothing else may stand beside it.
    pub(super) spec: Option<String>,
    kind: Option<String>,
    /// Per ten thousand, as a number or a text.
    rate: Option<Value>,
    /// At the next so many places.
    pub(super) next: Option<u32>,
    /// At every place for so long, in milliseconds of the exchange's clock.
    pub(super) for_ms: Option<u32>,
    /// The amount of the fault.
    pub(super) amount_ms: Option<i64>,
    scope: Option<String>,
}

impl FaultOrder {
    /// Whether fields stand beside `spec`.
    pub(super) const fn names_a_kind(&self) -> bool {
        self.kind.is_some()
            || self.rate.is_some()
            || self.next.is_some()
            || self.for_ms.is_some()
            || self.amount_ms.is_some()
            || self.scope.is_some()
    }

    pub(super) fn kind(&self) -> Result<FaultKind, AdminError> {
        let kind = self
            .kind
            .as_deref()
            .ok_or_else(|| AdminError::bad("Neither `kind` nor `spec` is given."))?;
        parsed("kind", kind)
    }

    pub(super) fn rate(&self) -> Result<Option<Rate>, AdminError> {
        match &self.rate {
            None => Ok(None),
            Some(Value::String(text)) => parsed("rate", text).map(Some),
            Some(other) => parsed("rate", &other.to_string()).map(Some),
        }
    }

    pub(super) fn scope(&self) -> Result<Option<Scope>, AdminError> {
        self.scope
            .as_deref()
            .map(|scope| parsed("scope", scope))
            .transpose()
    }
}

/// What can be paused.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pausable {
    Exchange,
    Trading,
    Market,
}

/// `POST /admin/pause` and `/admin/resume`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    pub(super) what: Pausable,
    ticker: Option<String>,
}

impl Pause {
    pub(super) fn market(&self) -> Result<Ticker, AdminError> {
        let ticker = self
            .ticker
            .as_deref()
            .ok_or_else(|| AdminError::bad("`ticker` is missing: name the market."))?;
        parsed("ticker", ticker)
    }
}

/// A market.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneMarket {
    ticker: String,
}

impl OneMarket {
    pub(super) fn ticker(&self) -> Result<Ticker, AdminError> {
        parsed("ticker", &self.ticker)
    }
}

/// `POST /admin/determine` and `/admin/amend_result`: `result` is yes, no or scalar, which needs a `value` in dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    ticker: String,
    result: Option<String>,
    value: Option<String>,
}

impl Decision {
    pub(super) fn ticker(&self) -> Result<Ticker, AdminError> {
        parsed("ticker", &self.ticker)
    }

    /// The result and what one YES contract pays.
    pub(super) fn decided(&self) -> Result<(SettlementResult, Price), AdminError> {
        match (self.result.as_deref(), self.value.as_deref()) {
            (Some("yes"), None) => Ok((SettlementResult::Yes, Price::ONE)),
            (Some("no"), None) => Ok((SettlementResult::No, Price::ZERO)),
            (None | Some("scalar"), Some(value)) => Ok((SettlementResult::Scalar, parsed("value", value)?)),
            _ => Err(AdminError::bad(
                "Give `result` yes or no, or a `value` in dollars such as \"0.5000\".",
            )),
        }
    }
}

/// `POST /admin/close`: at a time, or now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    ticker: String,
    at: Option<String>,
}

impl Close {
    pub(super) fn ticker(&self) -> Result<Ticker, AdminError> {
        parsed("ticker", &self.ticker)
    }

    pub(super) fn at(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, AdminError> {
        self.at.as_deref().map_or(Ok(now), |at| parsed("at", at))
    }
}

/// `POST /admin/trade`: an order of the stage hand, immediate unless it `rests`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trade {
    ticker: String,
    side: String,
    count: String,
    price: String,
    #[serde(default)]
    pub(super) rests: bool,
}

impl Trade {
    pub(super) fn ticker(&self) -> Result<Ticker, AdminError> {
        parsed("ticker", &self.ticker)
    }

    pub(super) fn side(&self) -> Result<BookSide, AdminError> {
        match self.side.as_str() {
            "bid" => Ok(BookSide::Bid),
            "ask" => Ok(BookSide::Ask),
            other => Err(AdminError::bad(format!(
                "`side`: `{other}` is neither bid nor ask."
            ))),
        }
    }

    pub(super) fn count(&self) -> Result<Contracts, AdminError> {
        parsed("count", &self.count)
    }

    pub(super) fn price(&self) -> Result<Price, AdminError> {
        parsed("price", &self.price)
    }
}

/// `POST /admin/reword`: another rule text of a market; what is not given stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reword {
    ticker: String,
    pub(super) rules_primary: Option<String>,
    pub(super) rules_secondary: Option<String>,
}

impl Reword {
    pub(super) fn ticker(&self) -> Result<Ticker, AdminError> {
        parsed("ticker", &self.ticker)
    }
}

/// `POST /admin/rename_model`: the leaderboard shows a model under another name from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    pub(super) name: String,
    pub(super) to: String,
}
