//! Why a command is refused: the documented codes and words.

use serde_json::{Value, json};

/// An error of the documented list that can occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    Unprocessable,
    ParamsRequired,
    ChannelsRequired,
    SubscriptionIdsRequired,
    UnknownCommand,
    UnknownSubscription,
    UnknownChannel,
    AuthenticationRequired,
    InvalidParameter,
    OneSubscriptionRequired,
    UnsupportedAction,
    MarketTickerRequired,
    ActionRequired,
    ShardFactorNotPositive,
    ShardFactorRequired,
    ShardKeyOutOfRange,
    ShardFactorTooLarge,
    BufferOverflow,
    MarketLimit,
    TooManyCommands,
}

impl Complaint {
    /// The number, from the table of error codes of `asyncapi.yaml`.
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::Unprocessable => 1,
            Self::ParamsRequired => 2,
            Self::ChannelsRequired => 3,
            Self::SubscriptionIdsRequired => 4,
            Self::UnknownCommand => 5,
            Self::UnknownSubscription => 7,
            Self::UnknownChannel => 8,
            Self::AuthenticationRequired => 9,
            Self::InvalidParameter => 11,
            Self::OneSubscriptionRequired => 12,
            Self::UnsupportedAction => 13,
            Self::MarketTickerRequired => 14,
            Self::ActionRequired => 15,
            Self::ShardFactorNotPositive => 19,
            Self::ShardFactorRequired => 20,
            Self::ShardKeyOutOfRange => 21,
            Self::ShardFactorTooLarge => 22,
            Self::BufferOverflow => 25,
            Self::MarketLimit => 26,
            Self::TooManyCommands => 27,
        }
    }

    /// The words, from the same table.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Unprocessable => "Unable to process message",
            Self::ParamsRequired => "Params required",
            Self::ChannelsRequired => "Channels required",
            Self::SubscriptionIdsRequired => "Subscription IDs required",
            Self::UnknownCommand => "Unknown command",
            Self::UnknownSubscription => "Unknown subscription ID",
            Self::UnknownChannel => "Unknown channel name",
            Self::AuthenticationRequired => "Authentication required",
            Self::InvalidParameter => "Invalid parameter",
            Self::OneSubscriptionRequired => "Exactly one subscription ID is required",
            Self::UnsupportedAction => "Unsupported action",
            Self::MarketTickerRequired => "Market Ticker required",
            Self::ActionRequired => "Action required",
            Self::ShardFactorNotPositive => "shard_factor must be > 0",
            Self::ShardFactorRequired => "shard_factor is required when shard_key is set",
            Self::ShardKeyOutOfRange => "shard_key must be >= 0 and < shard_factor",
            Self::ShardFactorTooLarge => "shard_factor must be <= 100",
            Self::BufferOverflow => "Subscription buffer overflow",
            Self::MarketLimit => "Subscription market limit exceeded",
            Self::TooManyCommands => "Too many requests",
        }
    }

    /// The message without the command's id and the time.
    pub(super) fn message(self) -> Value {
        json!({ "type": "error", "msg": { "code": self.code(), "msg": self.words() } })
    }
}
