//! The channels by their documented names, and what each of them allows.

/// A channel that can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Book,
    Ticker,
    Trade,
    Fill,
    Positions,
    Orders,
    Lifecycle,
    OrderGroups,
    /// Served and silent: nothing multivariate is listed here.
    MultivariateLifecycle,
    /// Served and silent: nobody asks for quotes here.
    Communications,
}

/// What a name in a subscription means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Served(Channel),
    /// Documented, but this exchange grants no access to it: reference prices of others.
    Withheld,
    Unknown,
}

impl Channel {
    pub(super) fn named(name: &str) -> Named {
        Named::Served(match name {
            "orderbook_delta" => Self::Book,
            "ticker" => Self::Ticker,
            "trade" => Self::Trade,
            "fill" => Self::Fill,
            "market_positions" => Self::Positions,
            "user_orders" => Self::Orders,
            "market_lifecycle_v2" => Self::Lifecycle,
            "order_group_updates" => Self::OrderGroups,
            "multivariate_market_lifecycle" => Self::MultivariateLifecycle,
            "communications" => Self::Communications,
            "cfbenchmarks_value" | "cfbenchmarks_value_5hz" | "pyth_value" => return Named::Withheld,
            _ => return Named::Unknown,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Book => "orderbook_delta",
            Self::Ticker => "ticker",
            Self::Trade => "trade",
            Self::Fill => "fill",
            Self::Positions => "market_positions",
            Self::Orders => "user_orders",
            Self::Lifecycle => "market_lifecycle_v2",
            Self::OrderGroups => "order_group_updates",
            Self::MultivariateLifecycle => "multivariate_market_lifecycle",
            Self::Communications => "communications",
        }
    }

    /// Whether messages carry a sequence number (the required fields of `asyncapi.yaml`); in the others a gap cannot be
    /// seen.
    pub(super) const fn is_sequenced(self) -> bool {
        matches!(
            self,
            Self::Book | Self::Trade | Self::Lifecycle | Self::OrderGroups | Self::MultivariateLifecycle
        )
    }

    /// Whether a subscription can be narrowed to markets; the others ignore what markets a command names.
    pub(super) const fn has_market_filter(self) -> bool {
        matches!(
            self,
            Self::Book | Self::Ticker | Self::Trade | Self::Fill | Self::Positions | Self::Orders
        )
    }

    /// Whether markets can be named by their ids too.
    pub(super) const fn takes_market_ids(self) -> bool {
        matches!(self, Self::Ticker)
    }
}
