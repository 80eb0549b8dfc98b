//! An error answer of the exchange, whatever its shape.

use autotrader_domain::RejectReason;
use autotrader_domain::ports::FeedError;
use serde_json::Value;

use crate::error::shorten;
use crate::{Remedy, VenueCode};

/// An error answer of the exchange, whatever its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueError {
    /// The HTTP status; for one item of a batch, the status that the same refusal has alone.
    pub status: u16,
    /// The code; `None` when the body has none.
    pub code: Option<VenueCode>,
    /// The exchange's words, cut to 300 characters.
    pub message: String,
    /// More of them.
    pub details: Option<String>,
}

impl VenueError {
    /// Reads the four shapes seen on the wire: `{"error":{code,message,details}}`, `{code,message,details}`, `{"msg"}` and
    /// `{"error":"text"}`. Anything else is kept as text.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let text = |value: &Value, key: &str| {
            let found = value.get(key)?.as_str()?;
            (!found.is_empty()).then(|| shorten(found))
        };
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let inner = match value.get("error") {
            Some(nested @ Value::Object(_)) => nested,
            _ => &value,
        };
        let plain = || {
            let text = String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default());
            shorten(text.trim())
        };
        Self {
            status,
            code: text(inner, "code").map(|code| VenueCode::read(&code)),
            message: text(inner, "message")
                .or_else(|| text(inner, "msg"))
                .or_else(|| text(&value, "error"))
                .unwrap_or_else(plain),
            details: text(inner, "details"),
        }
    }

    /// The signed timestamp is too far from the exchange's clock: the exchange did nothing.
    #[must_use]
    pub fn is_clock_skew(&self) -> bool {
        self.status == 401 && self.code == Some(VenueCode::TimestampExpired)
    }

    /// The answer in one line of words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("HTTP {}", self.status);
        for part in [
            self.code.as_ref().map(VenueCode::as_str),
            Some(self.message.as_str()),
            self.details.as_deref(),
        ]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        {
            words.push_str(": ");
            words.push_str(part);
        }
        words
    }

    fn is_post_only_cross(&self) -> bool {
        self.code == Some(VenueCode::InvalidOrder)
            && self
                .details
                .as_ref()
                .is_some_and(|details| details.contains("post only cross"))
    }

    /// The reason for a refusal that certainly left no order; `None` when the answer does not prove that.
    ///
    /// A 409 proves it only with a known code: an unknown conflict may be a spent id, that is, an order that exists. Of a code
    /// that speaks of an unconfirmed outcome nothing is proved under any status.
    #[must_use]
    pub fn refusal(&self) -> Option<RejectReason> {
        use RejectReason as R;
        if self.is_post_only_cross() && matches!(self.status, 400 | 409 | 422) {
            return Some(R::PostOnlyCross);
        }
        let code = self.code.as_ref();
        if code.and_then(VenueCode::remedy) == Some(Remedy::Resolve) {
            return None;
        }
        let by_code = code.and_then(VenueCode::reason);
        match self.status {
            400 | 422 => by_code.or(Some(if code.is_some() { R::Other } else { R::BadRequest })),
            401 => Some(R::Unauthorized),
            403 => Some(R::Forbidden),
            404 => by_code.or(Some(R::NotFound)),
            405 | 413 | 415 => by_code.or(Some(R::Other)),
            409 => by_code,
            _ => None,
        }
    }

    /// What the caller must do.
    ///
    /// Statuses that leave the outcome open outweigh the code; a code outweighs every other status.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        if self.is_post_only_cross() {
            return Remedy::DecideAnew;
        }
        match (self.status, self.code.as_ref().and_then(VenueCode::remedy)) {
            (429, _) => Remedy::BackOff,
            (200..=399 | 408 | 425 | 500..=599, _) => Remedy::Resolve,
            (_, Some(remedy)) => remedy,
            (401 | 403, None) => Remedy::StopTrading,
            (404, None) => Remedy::ReadAgain,
            (409, None) => Remedy::Resolve,
            (_, None) => Remedy::FixRequest,
        }
    }

    /// What a failed read means to its caller.
    pub(crate) fn into_feed_error(self) -> FeedError {
        match self.remedy() {
            Remedy::ResyncClock => {
                FeedError::Transient(format!("{} (check this machine's clock)", self.words()))
            }
            Remedy::WaitAndRetry | Remedy::BackOff => FeedError::Transient(self.words()),
            Remedy::Resolve if matches!(self.status, 408 | 425 | 500..=599) => {
                FeedError::Transient(self.words())
            }
            Remedy::StopTrading => FeedError::AccessRefused(self.words()),
            _ => FeedError::Refused(self.words()),
        }
    }
}

/// Whether a read with this answer may be repeated after a wait.
pub(crate) const fn worth_retrying(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, words: &str, refusal: Option<RejectReason>) {
        let error = VenueError::read(status, body.as_bytes());
        assert_eq!(error.words(), words);
        assert_eq!(error.refusal(), refusal, "{body}");
    }

    #[test]
    fn all_error_shapes_are_read() {
        use RejectReason as R;
        check(
            400,
            r#"{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}"#,
            "HTTP 400: invalid_order: invalid order: post only cross",
            Some(R::PostOnlyCross),
        );
        check(
            400,
            r#"{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal"}"#,
            "HTTP 400: bad_request: bad request: json: cannot unmarshal",
            Some(R::BadRequest),
        );
        check(
            400,
            r#"{"msg":"Parameter validation failed"}"#,
            "HTTP 400: Parameter validation failed",
            Some(R::BadRequest),
        );
        check(
            429,
            r#"{"error":"too many requests"}"#,
            "HTTP 429: too many requests",
            None,
        );
        check(
            404,
            "404 page not found\n",
            "HTTP 404: 404 page not found",
            Some(R::NotFound),
        );
        check(502, "", "HTTP 502", None);
    }

    #[test]
    fn codes_name_the_refusal() {
        use RejectReason as R;
        let nested = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":""}}}}"#);
        for (status, code, reason) in [
            (400, "invalid_order", Some(R::InvalidOrder)),
            (400, "invalid_price", Some(R::InvalidPrice)),
            (400, "insufficient_balance", Some(R::InsufficientBalance)),
            (400, "available_balance_too_low", Some(R::InsufficientBalance)),
            (400, "order_ticker_mismatch", Some(R::OrderMismatch)),
            (400, "invalid_order_size", Some(R::InvalidSize)),
            (400, "some_new_code", Some(R::Other)),
            (400, "exchange_unavailable", None),
            (400, "MARKET_INACTIVE", Some(R::MarketInactive)),
            (401, "authentication_error", Some(R::Unauthorized)),
            (403, "some_new_code", Some(R::Forbidden)),
            (409, "order_already_exists", Some(R::DuplicateOrder)),
            (409, "trading_is_paused", Some(R::TradingPaused)),
            (409, "exchange_is_paused", Some(R::ExchangePaused)),
            (
                409,
                "fill_or_kill_insufficient_resting_volume",
                Some(R::FillOrKillDepth),
            ),
            (409, "some_new_conflict", None),
            (408, "", None),
            (500, "invalid_price", None),
        ] {
            let error = VenueError::read(status, nested(code).as_bytes());
            assert_eq!(error.refusal(), reason, "{status} {code}");
        }
    }

    #[test]
    fn reads_tell_what_passes_from_what_a_person_must_mend() {
        let class = |status: u16, code: &str| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
            matches!(
                VenueError::read(status, body.as_bytes()).into_feed_error(),
                FeedError::Transient(_)
            )
        };
        for (status, code, transient) in [
            (401, "header_timestamp_expired", true),
            (401, "authentication_error", false),
            (403, "forbidden", false),
            (404, "not_found", false),
            (409, "exchange_is_paused", true),
            (429, "", true),
            (503, "", true),
        ] {
            assert_eq!(class(status, code), transient, "{status} {code}");
        }
    }

    #[test]
    fn text_from_outside_is_bounded_and_printable() {
        let error = VenueError::read(400, format!("a\n\u{1b}[31m{}", "x".repeat(5000)).as_bytes());
        assert!(error.message.len() <= 300);
        assert!(!error.message.chars().any(char::is_control));
    }
}
