//! `calc-fee`: what an order costs.

use std::process::ExitCode;

use autotrader_domain::{Contracts, FeeSchedule, FeeType, Liquidity, Money, Price};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

use crate::cli::CalcFeeArgs;
use crate::{Failure, output};

#[derive(Serialize)]
struct Report {
    price: Price,
    contracts: Contracts,
    liquidity: Liquidity,
    rounding: autotrader_domain::FeeRounding,
    multiplier: String,
    fee: String,
    fee_per_contract: String,
    total_cost: String,
}

/// Computes the fee and the cost with the fee.
///
/// # Errors
/// [`Failure`] with exit code 2 when a number cannot be read or lies out of range.
pub(crate) fn calc_fee(args: &CalcFeeArgs) -> Result<ExitCode, Failure> {
    let price = price(&args.price_cents)?;
    let contracts: Contracts = args
        .count
        .parse()
        .map_err(|error| Failure::usage(format!("COUNT: {error}.")))?;
    if contracts.is_zero() {
        return Err(Failure::usage("COUNT: must be above zero."));
    }
    let multiplier = multiplier(&args.multiplier)?;
    let fee_type = if args.maker {
        FeeType::QuadraticWithMakerFees
    } else {
        FeeType::Quadratic
    };
    let liquidity = if args.maker {
        Liquidity::Maker
    } else {
        Liquidity::Taker
    };
    let schedule = FeeSchedule {
        fee_type,
        multiplier_millionths: multiplier,
    };
    let too_large = || Failure::usage("COUNT: too large.");
    let fee = schedule
        .fee(liquidity, price, contracts, args.rounding.into())
        .ok_or_else(too_large)?;
    let notional = price.times(contracts).ok_or_else(too_large)?;
    let total = notional.checked_add(fee).ok_or_else(too_large)?;
    let report = Report {
        price,
        contracts,
        liquidity,
        rounding: args.rounding.into(),
        multiplier: args.multiplier.clone(),
        fee: dollars(fee),
        fee_per_contract: per_contract(fee, contracts).to_string(),
        total_cost: dollars(total),
    };
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&format!(
            "{contracts} contracts at ${price}: fee ${} (${} a contract), total ${}",
            report.fee, report.fee_per_contract, report.total_cost
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn price(cents: &str) -> Result<Price, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "PRICE_CENTS: `{cents}` is not a price between 0 and 100 cents."
        ))
    };
    let value: Decimal = cents.parse().map_err(|_| wrong())?;
    let raw = value
        .checked_mul(Decimal::ONE_HUNDRED)
        .filter(|raw| raw.fract().is_zero())
        .ok_or_else(wrong)?;
    raw.to_i64().and_then(Price::from_raw).ok_or_else(wrong)
}

fn multiplier(text: &str) -> Result<u32, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--multiplier: `{text}` is not a number from 0 to 100 with up to 6 decimals."
        ))
    };
    let value: Decimal = text.parse().map_err(|_| wrong())?;
    if value > Decimal::ONE_HUNDRED {
        return Err(wrong());
    }
    let millionths = value
        .checked_mul(Decimal::from(1_000_000))
        .filter(|m| m.fract().is_zero())
        .ok_or_else(wrong)?;
    millionths.to_u32().ok_or_else(wrong)
}

fn decimal(money: Money) -> Decimal {
    Decimal::new(money.raw(), 6)
}

/// At least whole cents, more decimals only where they are not zero.
fn dollars(money: Money) -> String {
    let mut value = decimal(money).normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    value.to_string()
}

fn per_contract(fee: Money, contracts: Contracts) -> Decimal {
    decimal(fee)
        .checked_div(Decimal::new(contracts.raw(), 2))
        .map_or(Decimal::ZERO, |value| value.round_dp(6).normalize())
}
