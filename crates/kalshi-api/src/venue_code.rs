//! The exchange's error codes: what each means and what the caller must do.
//!
//! Sources: the exchange's recorded answers, its change log (26 January, 4 June and 20 August 2026), its guides to API keys,
//! the life of a market, maintenance and requests for quotes, and public reports of conflicts (409).

use std::fmt;

use autotrader_domain::RejectReason;

/// What the caller of a refused request must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// The request itself is wrong: sent again, it is refused again.
    FixRequest,
    /// The market, the order or its terms are not what was thought: read them again, then decide anew.
    ReadAgain,
    /// Nothing went wrong: the order could not be had at its terms. Decide anew at the present book.
    DecideAnew,
    /// An order with this id exists: find it in the listing of orders.
    LookUpOrder,
    /// The outcome is not known: a read may be repeated, a write must be looked up before anything is sent again.
    Resolve,
    /// There is not enough collateral on the shard: reduce, or a person adds money.
    TopUpBalance,
    /// The exchange or the market rests: wait for it, then try again.
    WaitAndRetry,
    /// Too many requests: wait longer after each such answer.
    BackOff,
    /// The signed time is too far from the exchange's: measure the difference, then sign again.
    ResyncClock,
    /// The market takes no orders any more: leave it.
    LeaveMarket,
    /// The key, its rights or the account must be put right by a person: stop trading.
    StopTrading,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal, $reason:ident, $remedy:ident;)*) => {
        /// A documented error code, spelled in lower or upper case on the wire.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum VenueCode {
            $($(#[doc = $doc])+ $variant,)*
            /// A code that this version does not know, in lower case and cut to 64 characters.
            Unrecognised(String),
        }

        impl VenueCode {
            /// Every documented code.
            pub const DOCUMENTED: &'static [Self] = &[$(Self::$variant,)*];

            /// The code in lower case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unrecognised(code) => code,
                }
            }

            /// The word for the store and for people; `None` for a code that this version does not know.
            #[must_use]
            pub const fn reason(&self) -> Option<RejectReason> {
                match self {
                    $(Self::$variant => Some(RejectReason::$reason),)*
                    Self::Unrecognised(_) => None,
                }
            }

            /// What the caller must do; `None` for a code that this version does not know.
            #[must_use]
            pub const fn remedy(&self) -> Option<Remedy> {
                match self {
                    $(Self::$variant => Some(Remedy::$remedy),)*
                    Self::Unrecognised(_) => None,
                }
            }

            fn documented(text: &str) -> Option<Self> {
                match text {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The body could not be read, such as a number where a string belongs.
    BadRequest => "bad_request", BadRequest, FixRequest;
    /// A value is not acceptable, such as odd characters in a client order id.
    InvalidParameters => "invalid_parameters", BadRequest, FixRequest;
    /// The order contradicts itself or the book; the details say how.
    InvalidOrder => "invalid_order", InvalidOrder, FixRequest;
    /// The count is not acceptable.
    InvalidOrderSize => "invalid_order_size", InvalidSize, FixRequest;
    /// The price is not on the market's grid.
    InvalidPrice => "invalid_price", InvalidPrice, ReadAgain;
    /// There is not enough collateral.
    InsufficientBalance => "insufficient_balance", InsufficientBalance, TopUpBalance;
    /// There is not enough collateral that is not bound elsewhere.
    AvailableBalanceTooLow => "available_balance_too_low", InsufficientBalance, TopUpBalance;
    /// An amend or cancel names the other side than the order has.
    OrderSideMismatch => "order_side_mismatch", OrderMismatch, ReadAgain;
    /// An amend or cancel names another market than the order has.
    OrderTickerMismatch => "order_ticker_mismatch", OrderMismatch, ReadAgain;
    /// An amend or cancel names a client order id that is not the order's.
    OrderIdMismatch => "order_id_and_client_order_id_mismatch", OrderMismatch, ReadAgain;
    /// An order with this client order id exists, or once existed.
    OrderAlreadyExists => "order_already_exists", DuplicateOrder, LookUpOrder;
    /// A fill-or-kill order found too little depth: it is dead, and its client order id is spent.
    FillOrKillDepth => "fill_or_kill_insufficient_resting_volume", FillOrKillDepth, DecideAnew;
    /// Trading is paused, on the market or on the exchange; cancels may still work.
    TradingPaused => "trading_is_paused", TradingPaused, WaitAndRetry;
    /// The exchange is paused; cancels do not work either.
    ExchangePaused => "exchange_is_paused", ExchangePaused, WaitAndRetry;
    /// The market has closed.
    MarketInactive => "market_inactive", MarketInactive, LeaveMarket;
    /// The market, the order or the group is not known, or the order has finished.
    NotFound => "not_found", NotFound, ReadAgain;
    /// The market is not known.
    MarketNotFound => "market_not_found", NotFound, ReadAgain;
    /// The key is not known, or the signature is wrong; the details say which.
    AuthenticationError => "authentication_error", Unauthorized, StopTrading;
    /// An authentication header is missing.
    SignatureMissing => "signature_is_missing_from_headers", Unauthorized, StopTrading;
    /// The signed time is too far from the exchange's.
    TimestampExpired => "header_timestamp_expired", Unauthorized, ResyncClock;
    /// The key may not do this.
    Forbidden => "forbidden", Forbidden, StopTrading;
    /// Too many requests.
    TooManyRequests => "too_many_requests", RateLimited, BackOff;
    /// The exchange could not be asked: the outcome is not confirmed.
    ExchangeUnavailable => "exchange_unavailable", Other, Resolve;
    /// The exchange failed inside.
    InternalError => "internal_error", Other, Resolve;
    /// The request for quotes was deleted, has expired or was carried out.
    RfqClosed => "rfq_closed", Other, ReadAgain;
    /// Two legs of a combination contradict each other.
    ConflictingLegOutcomes => "conflicting_leg_outcomes", BadRequest, FixRequest;
    /// Two legs of a combination are the same.
    DuplicatedLegs => "duplicated_legs", BadRequest, FixRequest;
    /// The markets cannot be combined.
    InvalidMarketCombination => "invalid_market_combination", BadRequest, FixRequest;
    /// The order that a trigger hangs on cannot be checked now; asking again is safe.
    AnchorOrderUnavailable => "anchor_order_unavailable", Other, WaitAndRetry;
}

impl VenueCode {
    /// Reads a code as the wire spells it: in any case, with spaces or underscores.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let plain: String = text
            .trim()
            .chars()
            .take(64)
            .map(|c| if c == ' ' { '_' } else { c.to_ascii_lowercase() })
            .collect();
        Self::documented(&plain).unwrap_or(Self::Unrecognised(plain))
    }
}

impl fmt::Display for VenueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_is_read_in_every_spelling() {
        let mut seen = std::collections::BTreeSet::new();
        for code in VenueCode::DOCUMENTED {
            assert!(seen.insert(code.as_str().to_owned()), "{code} twice");
            assert_eq!(VenueCode::read(code.as_str()), *code);
            assert_eq!(VenueCode::read(&code.as_str().to_ascii_uppercase()), *code);
            assert_eq!(VenueCode::read(&code.as_str().replace('_', " ")), *code);
            assert!(code.reason().is_some() && code.remedy().is_some(), "{code}");
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_name_and_promises_nothing() {
        let code = VenueCode::read(" Brand_New ");
        assert_eq!(code, VenueCode::Unrecognised("brand_new".to_owned()));
        assert_eq!((code.reason(), code.remedy()), (None, None));
        assert_eq!(VenueCode::read(&"x".repeat(500)).as_str().len(), 64);
    }
}
