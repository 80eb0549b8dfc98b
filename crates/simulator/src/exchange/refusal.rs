//! Why the exchange refuses a request, with the words and statuses the real one uses.

/// Why the exchange refuses a request. Nothing has changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such market, order or account; a finished order answers the same.
    #[error("not found")]
    NotFound,
    /// The market is not open: before its opening or past its close.
    #[error("market inactive")]
    MarketInactive,
    /// Trading is paused, on the exchange or in this market; cancels still work.
    #[error("trading is paused")]
    TradingPaused,
    /// The exchange is paused; nothing works.
    #[error("exchange is paused")]
    ExchangePaused,
    /// The price is not on the market's grid.
    #[error("invalid price")]
    InvalidPrice,
    /// The order contradicts itself or the book; the text says how.
    #[error("invalid order: {0}")]
    InvalidOrder(&'static str),
    /// The order is for no contracts, or for more than there can be.
    #[error("invalid order size")]
    InvalidOrderSize,
    /// A parameter has a value that is not allowed; the text says which.
    #[error("invalid parameters: {0}")]
    InvalidParameters(&'static str),
    /// The account cannot collateralise the order.
    #[error("insufficient balance")]
    InsufficientBalance,
    /// The client id was used before by this account, whatever became of that order.
    #[error("order already exists")]
    OrderAlreadyExists,
    /// An amendment names another side than the order has.
    #[error("order side mismatch")]
    OrderSideMismatch,
    /// An amendment names another market than the order's.
    #[error("order ticker mismatch")]
    OrderTickerMismatch,
    /// An amendment names another client id than the order's.
    #[error("order id and client order id mismatch")]
    OrderIdAndClientOrderIdMismatch,
    /// A fill-or-kill order found too little on the book; its client id is spent.
    #[error("fill or kill insufficient resting volume")]
    FillOrKillInsufficientVolume,
}

impl Refusal {
    /// The HTTP status the real exchange answers with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::InvalidPrice
            | Self::InvalidOrder(_)
            | Self::InvalidOrderSize
            | Self::InvalidParameters(_)
            | Self::InsufficientBalance
            | Self::OrderSideMismatch
            | Self::OrderTickerMismatch
            | Self::OrderIdAndClientOrderIdMismatch => 400,
            Self::MarketInactive
            | Self::TradingPaused
            | Self::ExchangePaused
            | Self::OrderAlreadyExists
            | Self::FillOrKillInsufficientVolume => 409,
        }
    }

    /// The code on the wire. The spelling of `market_inactive` on REST was never captured; the others were.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MarketInactive => "market_inactive",
            Self::TradingPaused => "trading_is_paused",
            Self::ExchangePaused => "exchange_is_paused",
            Self::InvalidPrice => "invalid_price",
            Self::InvalidOrder(_) => "invalid_order",
            Self::InvalidOrderSize => "invalid_order_size",
            Self::InvalidParameters(_) => "invalid_parameters",
            Self::InsufficientBalance => "insufficient_balance",
            Self::OrderAlreadyExists => "order_already_exists",
            Self::OrderSideMismatch => "order_side_mismatch",
            Self::OrderTickerMismatch => "order_ticker_mismatch",
            Self::OrderIdAndClientOrderIdMismatch => "order_id_and_client_order_id_mismatch",
            Self::FillOrKillInsufficientVolume => "fill_or_kill_insufficient_resting_volume",
        }
    }

    /// The message on the wire: the code in words.
    #[must_use]
    pub fn message(&self) -> String {
        self.code().replace('_', " ")
    }

    /// The details on the wire, where there are any.
    #[must_use]
    pub const fn details(&self) -> Option<&'static str> {
        match self {
            Self::InvalidOrder(details) | Self::InvalidParameters(details) => Some(details),
            _ => None,
        }
    }
}
