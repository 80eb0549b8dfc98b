//! The channels this client knows, and what each is like.

use std::fmt;

/// A channel of the stream.
///
/// Source: AsyncAPI document 2.0.0. Channels of other products (communications, benchmark values, combos) are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Books: a snapshot, then changes. Of chosen markets.
    Orderbook,
    /// Best prices, volume and open interest. Of chosen markets.
    Ticker,
    /// Public trades. Of chosen markets.
    Trade,
    /// The account's executions.
    Fill,
    /// The account's orders, created and changed.
    UserOrders,
    /// The account's positions.
    Positions,
    /// Markets and events created, paused, closed, decided and settled; event fee overrides. Of the whole exchange.
    Lifecycle,
    /// The account's order groups.
    OrderGroups,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 8] = [
        Self::Orderbook,
        Self::Ticker,
        Self::Trade,
        Self::Fill,
        Self::UserOrders,
        Self::Positions,
        Self::Lifecycle,
        Self::OrderGroups,
    ];

    /// The exchange's name of the channel.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orderbook => "orderbook_delta",
            Self::Ticker => "ticker",
            Self::Trade => "trade",
            Self::Fill => "fill",
            Self::UserOrders => "user_orders",
            Self::Positions => "market_positions",
            Self::Lifecycle => "market_lifecycle_v2",
            Self::OrderGroups => "order_group_updates",
        }
    }

    /// The channel with this name; `None` for one this version does not use.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether its subscription names markets.
    #[must_use]
    pub const fn is_of_markets(self) -> bool {
        matches!(self, Self::Orderbook | Self::Ticker | Self::Trade)
    }

    /// Whether its messages are numbered, so that a lost one is noticed.
    #[must_use]
    pub const fn is_numbered(self) -> bool {
        matches!(
            self,
            Self::Orderbook | Self::Trade | Self::Lifecycle | Self::OrderGroups
        )
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_channel() {
        for channel in Channel::ALL {
            assert_eq!(Channel::of_name(channel.name()), Some(channel));
        }
        assert_eq!(Channel::of_name("multivariate"), None);
    }
}
