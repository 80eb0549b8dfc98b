//! Fills and settlements.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Fill, Liquidity, Money, Price, SettlementRecord};
use chrono::DateTime;

use super::decode::schema;
use crate::wire::portfolio as wire;

/// One fill.
pub(crate) fn fill(wire: wire::Fill, path: &str) -> Result<Fill, FeedError> {
    let filled_at = wire
        .created_time
        .or_else(|| DateTime::from_timestamp(wire.ts?, 0))
        .ok_or_else(|| {
            schema(
                &format!("{path}.created_time"),
                "missing, and no usable `ts` beside it",
            )
        })?;
    Ok(Fill {
        fill_id: wire.fill_id,
        venue_order_id: wire.order_id,
        client_order_id: wire.client_order_id.and_then(|id| id.parse().ok()),
        ticker: wire.ticker,
        side: wire.book_side,
        price: wire.yes_price_dollars,
        contracts: wire.count_fp,
        fee: wire.fee_cost,
        liquidity: if wire.is_taker {
            Liquidity::Taker
        } else {
            Liquidity::Maker
        },
        filled_at,
    })
}

/// One settlement.
///
/// The settlement value is `value`; only when that is `null` does the result stand for it. The fee is what the payout lacks
/// of the value of the contracts held (`revenue` is the cash that moved): the document's `fee_cost` is the total of fees
/// paid, trading fees included, which are booked with the fills.
pub(crate) fn settlement(wire: wire::Settlement, path: &str) -> Result<SettlementRecord, FeedError> {
    let yes_value = match (wire.value, wire.market_result.as_str()) {
        (Some(cents), _) => Price::from_cents(cents).ok_or_else(|| {
            schema(
                &format!("{path}.value"),
                &format!("expected 0 to 100 cents, found {cents}"),
            )
        })?,
        (None, "yes") => Price::ONE,
        (None, "no") => Price::ZERO,
        (None, other) => {
            return Err(schema(
                &format!("{path}.value"),
                &format!("null with result `{other}`: the settlement value is not known"),
            ));
        }
    };
    let too_large = || schema(path, "the payout is too large to book");
    let gross = yes_value
        .times(wire.yes_count_fp)
        .zip(yes_value.complement().times(wire.no_count_fp))
        .and_then(|(yes, no)| yes.checked_add(no))
        .ok_or_else(too_large)?;
    let paid = wire
        .revenue
        .checked_mul(10_000)
        .map(Money::micros)
        .ok_or_else(too_large)?;
    Ok(SettlementRecord {
        ticker: wire.ticker,
        yes_value,
        fee: gross.checked_sub(paid).ok_or_else(too_large)?,
        settled_at: wire.settled_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::decode::decode;

    #[track_caller]
    fn check(fields: &str, expected: Result<(&str, &str), &str>) {
        let body = format!(
            r#"{{"ticker":"T","settled_time":"2027-01-04T15:30:00Z","yes_total_cost_dollars":"6.800000","fee_cost":"0.1524",{fields}}}"#
        );
        let found = decode::<wire::Settlement>("$.settlements[0]", body.as_bytes())
            .and_then(|wire| settlement(wire, "$.settlements[0]"));
        match expected {
            Ok((value, fee)) => {
                let found = found.unwrap();
                assert_eq!(found.yes_value, value.parse().unwrap(), "{fields}");
                assert_eq!(found.fee, fee.parse().unwrap(), "{fields}");
            }
            Err(part) => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn settlements_pay_their_value_and_never_a_guess() {
        let held = r#""yes_count_fp":"10.00","no_count_fp":"0.00""#;
        check(
            &format!(r#"{held},"market_result":"yes","revenue":1000,"value":100"#),
            Ok(("1", "0")),
        );
        check(
            &format!(r#"{held},"market_result":"yes","revenue":1000,"value":null"#),
            Ok(("1", "0")),
        );
        check(
            &format!(r#"{held},"market_result":"no","revenue":0"#),
            Ok(("0", "0")),
        );
        check(
            &format!(r#"{held},"market_result":"scalar","revenue":330,"value":33"#),
            Ok(("0.33", "0")),
        );
        // A settlement fee is what the payout lacks.
        check(
            &format!(r#"{held},"market_result":"scalar","revenue":329,"value":33"#),
            Ok(("0.33", "0.01")),
        );
        // A floor may make a NO result pay YES something.
        check(
            &format!(r#"{held},"market_result":"no","revenue":50,"value":5"#),
            Ok(("0.05", "0")),
        );
        let short = r#""yes_count_fp":"0.00","no_count_fp":"7.50""#;
        check(
            &format!(r#"{short},"market_result":"no","revenue":750,"value":0"#),
            Ok(("0", "0")),
        );
        check(
            &format!(r#"{held},"market_result":"scalar","revenue":330,"value":null"#),
            Err("$.settlements[0].value: null with result `scalar`"),
        );
        check(
            &format!(r#"{held},"market_result":"void","revenue":0"#),
            Err("$.settlements[0].value: null with result `void`"),
        );
        check(
            &format!(r#"{held},"market_result":"scalar","revenue":0,"value":101"#),
            Err("$.settlements[0].value: expected 0 to 100 cents"),
        );
        check(
            &format!(r#"{held},"market_result":"yes","value":100"#),
            Err("$.settlements[0].revenue: missing field"),
        );
        check(
            &format!(r#"{held},"market_result":"yes","revenue":9223372036854775807,"value":100"#),
            Err("too large"),
        );
    }

    #[track_caller]
    fn check_time(fields: &str, expected: Result<&str, &str>) {
        let body = format!(
            r#"{{"fill_id":"f","order_id":"o","ticker":"T","book_side":"ask","count_fp":"0.18","yes_price_dollars":"0.5200","is_taker":false,"fee_cost":"0.017500"{fields}}}"#
        );
        let found =
            decode::<wire::Fill>("$.fills[0]", body.as_bytes()).and_then(|wire| fill(wire, "$.fills[0]"));
        match expected {
            Ok(at) => assert_eq!(found.unwrap().filled_at.to_rfc3339(), at),
            Err(part) => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn a_fill_needs_one_of_its_two_times() {
        let both = r#","created_time":"2026-06-11T06:29:30.164956Z","ts":1"#;
        check_time(both, Ok("2026-06-11T06:29:30.164956+00:00"));
        check_time(r#","ts":1781159370"#, Ok("2026-06-11T06:29:30+00:00"));
        check_time("", Err("$.fills[0].created_time: missing"));
        check_time(
            r#","ts":9223372036854775807"#,
            Err("$.fills[0].created_time: missing"),
        );
    }
}
