//! The account's API keys.

use autotrader_domain::ports::FeedError;
use chrono::serde::ts_seconds_option;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::KalshiClient;
use crate::question::Question;
use crate::word::Word;

/// The account's API keys. Source: `GetApiKeysResponse` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiKeys {
    /// The keys.
    #[serde(rename = "api_keys")]
    pub keys: Vec<ApiKey>,
    /// When they lose the right to trade sports, elections and entertainment; `None` when they do not.
    #[serde(default, rename = "api_key_region_expiration_ts", with = "ts_seconds_option")]
    pub region_expires_at: Option<DateTime<Utc>>,
}

/// One API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiKey {
    /// Its id, as sent with every signed request.
    pub api_key_id: String,
    /// The name its owner gave it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Word<ApiKeyScope>>,
    /// The one part of the account that it may use; `None` for all.
    #[serde(default)]
    pub subaccount: Option<u8>,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ApiKeyScope {
    /// Every read.
    #[serde(rename = "read")]
    Read,
    /// Every write.
    #[serde(rename = "write")]
    Write,
    /// Reads for accepting block trades.
    #[serde(rename = "read::block_trade_accept")]
    ReadBlockTradeAccept,
    /// The balance.
    #[serde(rename = "read::portfolio_balance")]
    ReadBalance,
    /// Orders, order groups and quotes, without transfers.
    #[serde(rename = "write::trade")]
    WriteTrade,
    /// Transfers.
    #[serde(rename = "write::transfer")]
    WriteTransfer,
    /// Risk settings of a futures commission merchant.
    #[serde(rename = "write::fcm_risk")]
    WriteFcmRisk,
    /// Accepting block trades.
    #[serde(rename = "write::block_trade_accept")]
    WriteBlockTradeAccept,
}

impl KalshiClient {
    /// The account's API keys and until when they may trade everything. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn api_keys(&self) -> Result<ApiKeys, FeedError> {
        self.read(&Question::signed(&["api_keys"])).await
    }
}
