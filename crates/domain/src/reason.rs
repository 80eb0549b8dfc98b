//! Why something is not done: stable codes with one sentence each.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $code:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $(#[doc = $text] $variant,)* }

        impl $name {
            /// Every reason, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.sentence())
            }
        }
    };
}

reasons! {
    /// Why a contract was not entered, exited or kept.
    Reason {
        // The board.
        NoBoard => "no_board", "No board has been accepted yet.";
        HeldBoard => "held_board", "A newer board is held until a second reading confirms it.";
        OlderVintage => "older_vintage", "The page shows an older board whose winner differs.";
        UnconfirmedBoard => "unconfirmed_board", "Other entries under the same stamp wait for confirmation, and their winner differs.";
        StaleFeed => "stale_feed", "The leaderboard has not been read for too long.";
        StaleBoard => "stale_board", "The accepted board's stamp is too old.";
        BoardNotTradable => "board_not_tradable", "The page now shown may be displayed but not traded on.";
        AmbiguousWinner => "ambiguous_winner", "The winner depends on score precision or a gap too small to call.";
        UnmappedTopModel => "unmapped_top_model", "A top-5 model of the board has no contract in the event.";
        // The mapping.
        Unmapped => "unmapped", "Nothing on the board fits this contract.";
        MappingSuggested => "mapping_suggested", "Similar names exist; a person must approve one.";
        Renamed => "renamed", "The board renamed this contract's model; frozen until a person decides.";
        MappingRejected => "mapping_rejected", "A person rejected what this contract would be mapped to.";
        TermsChanged => "terms_changed", "The exchange changed what this contract names or when it is checked; frozen until a person decides.";
        RulesUnknown => "rules_unknown", "The tie-break text of the rules is not an approved one.";
        RulesTemplate => "rules_template", "The primary rule does not fit the series' template.";
        CheckTimeMismatch => "check_time_mismatch", "The check time in the rules differs from the close time.";
        RuleSetUnsupported => "rule_set_unsupported", "The bound rule set has a tie outcome that is not priced.";
        FeesUnsupported => "fees_unsupported", "The series charges fees in a way that is not priced.";
        // The market.
        NotOpen => "not_open", "The market is not open for trading.";
        NoBook => "no_book", "No order book has been received.";
        StaleBook => "stale_book", "The order book is too old.";
        OneSidedBook => "one_sided_book", "One side of the book is empty: there is no market price.";
        WideSpread => "wide_spread", "The spread is too wide.";
        MidsOutOfBand => "mids_out_of_band", "The mids of the event sum to an implausible total.";
        ExchangePaused => "exchange_paused", "The exchange takes no orders now.";
        MarketDataStale => "market_data_stale", "Market data has not arrived for too long.";
        // The price.
        NoEdge => "no_edge", "The edge after fees is below the minimum.";
        ModelMarketGap => "model_market_gap", "Model and market differ so much that news was probably missed.";
        NoAgainstFavourite => "no_against_favourite", "No NO on a strong favourite without a newer board.";
        FairUnknown => "fair_unknown", "The estimator has no price for this contract.";
        NoDepth => "no_depth", "The book has no depth at an acceptable price.";
        // Timing.
        TooCloseToCheck => "too_close_to_check", "Too close to the check for entries.";
        NoRefreshLeft => "no_refresh_left", "The board will hardly be refreshed before the check, and the position is on its leader.";
        PastClose => "past_close", "The market has closed.";
        // Size and orders.
        AtTarget => "at_target", "The position is at its target.";
        OrderInFlight => "order_in_flight", "An earlier order on this contract is not finished.";
        OrderRests => "order_rests", "An order of ours rests on the book, at the wanted price.";
        OrderRefreshed => "order_refreshed", "The resting order is withdrawn to be renewed, repriced or resized.";
        MakesWay => "makes_way", "The resting order is withdrawn first, so that the contract can be traded at once.";
        UnknownOrder => "unknown_order", "An order on this contract has an unknown outcome.";
        BelowMinimumSize => "below_minimum_size", "The wanted size is below the minimum.";
        CoolingDown => "cooling_down", "The last order on this contract was refused moments ago.";
        PositionUnexplained => "position_unexplained", "The position contains fills that are not ours.";
        // Risk.
        Halted => "halted", "Trading is halted.";
        ReduceOnly => "reduce_only", "Only reductions are allowed.";
        OffGrid => "off_grid", "The price is not on the market's grid.";
        SizeLimit => "size_limit", "The order is larger than allowed.";
        ContractLimit => "contract_limit", "The position limit of the contract is reached.";
        EventLimit => "event_limit", "The position limit of the event is reached.";
        LabLimit => "lab_limit", "The exposure limit of the lab is reached.";
        WorstStateLoss => "worst_state_loss", "The worst state of the event would lose too much.";
        PortfolioLimit => "portfolio_limit", "The exposure limit of the portfolio is reached.";
        DailyLoss => "daily_loss", "The loss limit of the day is reached.";
        StrategyLoss => "strategy_loss", "The loss limit of the strategy is reached.";
        Drawdown => "drawdown", "The drawdown limit is reached.";
        CancelAllQuiet => "cancel_all_quiet", "Every order of the account was cancelled moments ago: nothing is placed for a while.";
        OrderRate => "order_rate", "Too many orders in the last minute.";
        PriceCollar => "price_collar", "The limit is too far from the book.";
        InsufficientCollateral => "insufficient_collateral", "There is not enough spendable collateral.";
    }
}

reasons! {
    /// Why the exchange refused an order.
    RejectReason {
        BadRequest => "bad_request", "The exchange could not read the request.";
        InvalidOrder => "invalid_order", "The exchange calls the order invalid.";
        PostOnlyCross => "post_only_cross", "A post-only order would have crossed.";
        InvalidSize => "invalid_order_size", "The count is not acceptable.";
        OrderMismatch => "order_mismatch", "The request names another market, side or id than the order has.";
        InvalidPrice => "invalid_price", "The price is off the market's grid.";
        InsufficientBalance => "insufficient_balance", "There is not enough collateral.";
        DuplicateOrder => "order_already_exists", "An order with this id exists.";
        FillOrKillDepth => "fill_or_kill_insufficient_resting_volume", "There was not enough depth to fill it whole.";
        TradingPaused => "trading_is_paused", "Trading is paused.";
        ExchangePaused => "exchange_is_paused", "The exchange is paused.";
        MarketInactive => "market_inactive", "The market is closed.";
        NotFound => "not_found", "The market or order is not known.";
        Forbidden => "forbidden", "The key may not do this.";
        Unauthorized => "unauthorized", "The signature or key was refused.";
        RateLimited => "rate_limited", "The exchange asks to slow down.";
        Other => "other", "The exchange refused for a reason this version does not know.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_equal_the_serialised_form_of_reasons() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }
}
