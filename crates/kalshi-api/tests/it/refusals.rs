//! Every recorded refusal: its code, what was refused, and what the caller must do.

use autotrader_domain::RejectReason as R;
use autotrader_kalshi_api::{Remedy, VenueCode as C, VenueError};

use crate::captures::{captures, json_of};

/// Name of the capture, code, reason, remedy.
type Row = (&'static str, Option<C>, R, Remedy);

const ROWS: &[Row] = &[
    (
        "auth__bad_signature",
        Some(C::AuthenticationError),
        R::Unauthorized,
        Remedy::StopTrading,
    ),
    (
        "auth__unknown_key_id",
        Some(C::AuthenticationError),
        R::Unauthorized,
        Remedy::StopTrading,
    ),
    (
        "auth__missing_signature_header",
        Some(C::SignatureMissing),
        R::Unauthorized,
        Remedy::StopTrading,
    ),
    (
        "auth__skew_minus30s",
        Some(C::TimestampExpired),
        R::Unauthorized,
        Remedy::ResyncClock,
    ),
    (
        "auth__skew_minus5min",
        Some(C::TimestampExpired),
        R::Unauthorized,
        Remedy::ResyncClock,
    ),
    (
        "auth__skew_plus5min",
        Some(C::TimestampExpired),
        R::Unauthorized,
        Remedy::ResyncClock,
    ),
    (
        "cleanup__leftover_0",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    (
        "cleanup__leftover_1",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    (
        "cleanup__leftover_2",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    ("markets__limit_over_max", None, R::BadRequest, Remedy::FixRequest),
    (
        "orders__cancel_already_canceled",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    (
        "orders__cancel_executed",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    (
        "orders__cancel_unknown_id",
        Some(C::NotFound),
        R::NotFound,
        Remedy::ReadAgain,
    ),
    (
        "orders__duplicate_client_order_id",
        Some(C::OrderAlreadyExists),
        R::DuplicateOrder,
        Remedy::LookUpOrder,
    ),
    (
        "orders__insufficient_balance",
        Some(C::InsufficientBalance),
        R::InsufficientBalance,
        Remedy::TopUpBalance,
    ),
    (
        "orders__invalid_price_structure",
        Some(C::InvalidPrice),
        R::InvalidPrice,
        Remedy::ReadAgain,
    ),
    (
        "orders__numeric_field_types",
        Some(C::BadRequest),
        R::BadRequest,
        Remedy::FixRequest,
    ),
    (
        "orders__post_only_cross",
        Some(C::InvalidOrder),
        R::PostOnlyCross,
        Remedy::DecideAnew,
    ),
    (
        "orders__reuse_canceled_client_id",
        Some(C::OrderAlreadyExists),
        R::DuplicateOrder,
        Remedy::LookUpOrder,
    ),
];

#[test]
fn every_captured_refusal_is_typed() {
    let Some(folder) = captures() else { return };
    let mut refusals: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let stem = name.strip_suffix(".meta.json")?.to_owned();
            let status = json_of(&folder.join(&name))["status"].as_u64()?;
            (status >= 400).then_some(stem)
        })
        .collect();
    refusals.sort();
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.0).collect();
    rows.sort_unstable();
    assert_eq!(refusals, rows, "each refusal has its row");
    for (name, code, reason, remedy) in ROWS {
        let status = json_of(&folder.join(format!("{name}.meta.json")))["status"]
            .as_u64()
            .unwrap();
        let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let error = VenueError::read(u16::try_from(status).unwrap(), &body);
        assert_eq!(error.code, *code, "{name}");
        assert_eq!(error.refusal(), Some(*reason), "{name}");
        assert_eq!(error.remedy(), *remedy, "{name}");
    }
}

/// What no capture holds, as documented: status, body, whether a refusal is proved, and the remedy.
#[test]
fn what_is_documented_but_not_captured_is_typed() {
    let nested = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"{code}"}}}}"#);
    let cases = [
        (
            429,
            r#"{"error":"too many requests"}"#.to_owned(),
            None,
            Remedy::BackOff,
        ),
        (
            409,
            nested("trading_is_paused"),
            Some(R::TradingPaused),
            Remedy::WaitAndRetry,
        ),
        (
            409,
            nested("exchange_is_paused"),
            Some(R::ExchangePaused),
            Remedy::WaitAndRetry,
        ),
        (
            409,
            nested("fill_or_kill_insufficient_resting_volume"),
            Some(R::FillOrKillDepth),
            Remedy::DecideAnew,
        ),
        (
            400,
            nested("MARKET_INACTIVE"),
            Some(R::MarketInactive),
            Remedy::LeaveMarket,
        ),
        (
            409,
            nested("market_inactive"),
            Some(R::MarketInactive),
            Remedy::LeaveMarket,
        ),
        (
            400,
            nested("available_balance_too_low"),
            Some(R::InsufficientBalance),
            Remedy::TopUpBalance,
        ),
        (
            400,
            nested("invalid_order_size"),
            Some(R::InvalidSize),
            Remedy::FixRequest,
        ),
        (
            400,
            nested("order_side_mismatch"),
            Some(R::OrderMismatch),
            Remedy::ReadAgain,
        ),
        (
            403,
            "this API key is restricted to a single sub-account and cannot access this endpoint".to_owned(),
            Some(R::Forbidden),
            Remedy::StopTrading,
        ),
        (
            404,
            "404 page not found\n".to_owned(),
            Some(R::NotFound),
            Remedy::ReadAgain,
        ),
        (409, nested("a_conflict_of_next_year"), None, Remedy::Resolve),
        (500, nested("invalid_price"), None, Remedy::Resolve),
        (
            503,
            r#"{"exchange_active":false,"trading_active":false}"#.to_owned(),
            None,
            Remedy::Resolve,
        ),
    ];
    for (status, body, refusal, remedy) in cases {
        let error = VenueError::read(status, body.as_bytes());
        assert_eq!(
            (error.refusal(), error.remedy()),
            (refusal, remedy),
            "{status} {body}"
        );
    }
}
