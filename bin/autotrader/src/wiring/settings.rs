//! From configuration to the settings of each part: units, names and defaults, checked.

use std::time::Duration;

use autotrader_arena_signals::{DiffSettings, GateSettings, VintageSettings};
use autotrader_config::{Config, EntryStyle, EventMode};
use autotrader_domain::{Contracts, Money, Price, SeriesTicker, Ticker};
use autotrader_risk::{EventExposureMode, Limits};
use autotrader_strategy::params::{self, BoardWalkParams, EstimatorKind};
use autotrader_strategy::{ApprovedRules, Params};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::Failure;

fn share_bp(share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "validated to lie in 0..=1"
    )]
    let bp = (share * 10_000.0).round() as u32;
    bp
}

/// The limits in force, given the balance that shares refer to.
pub(crate) fn limits(config: &Config, opening: Money) -> Limits {
    let (global, own) = (&config.risk.global, &config.risk.per_strategy.leaderboard_alpha);
    let daily = opening.fraction(i64::from(share_bp(global.max_daily_loss_pct)), 10_000);
    Limits {
        max_order_contracts: Contracts::whole(own.max_order_contracts),
        max_position_per_contract: Contracts::whole(own.max_position_per_contract),
        max_position_per_event: Contracts::whole(own.max_position_per_event),
        event_exposure_mode: match own.event_exposure_mode {
            EventMode::Gross => EventExposureMode::Gross,
            EventMode::Net => EventExposureMode::Net,
        },
        max_worst_state_loss: own.max_worst_state_loss.0,
        max_lab_exposure: own.max_lab_exposure.0,
        max_portfolio_exposure_bp: share_bp(global.max_portfolio_exposure_pct),
        // A limit of nothing would trip at once on an empty account: one micro-dollar is the least loss.
        max_daily_loss: daily.unwrap_or(Money::ZERO).max(Money::micros(1)),
        max_strategy_loss: own.max_strategy_loss.0,
        max_drawdown: own.max_drawdown.0,
        max_orders_per_minute: own.max_orders_per_minute,
        price_collar_raw: i64::from(own.price_collar_cents) * 100,
        max_feed_age: seconds(config.leaderboard_alpha.max_feed_age_seconds),
        max_board_age: seconds(config.leaderboard_alpha.max_board_age_days.saturating_mul(86_400)),
        max_book_age: seconds(config.leaderboard_alpha.max_book_age_seconds),
    }
}

/// The configured limits for people and scripts.
pub(crate) fn configured_limits(config: &Config) -> Value {
    let (global, own) = (&config.risk.global, &config.risk.per_strategy.leaderboard_alpha);
    json!({
        "max_portfolio_exposure_pct": global.max_portfolio_exposure_pct,
        "max_daily_loss_pct": global.max_daily_loss_pct,
        "kill_switch_enabled": global.kill_switch_enabled,
        "max_order_contracts": own.max_order_contracts,
        "max_position_per_contract": own.max_position_per_contract,
        "max_position_per_event": own.max_position_per_event,
        "event_exposure_mode": match own.event_exposure_mode { EventMode::Gross => "gross", EventMode::Net => "net" },
        "max_strategy_loss": own.max_strategy_loss.to_string(),
        "max_drawdown": own.max_drawdown.to_string(),
        "max_worst_state_loss": own.max_worst_state_loss.to_string(),
        "max_lab_exposure": own.max_lab_exposure.to_string(),
        "max_orders_per_minute": own.max_orders_per_minute,
        "price_collar_cents": own.price_collar_cents,
    })
}

/// How contracts are priced and entered, as configured, for people and scripts; the board walk's parameters apart.
pub(crate) fn configured_strategy(config: &Config) -> Value {
    let alpha = &config.leaderboard_alpha;
    json!({
        "target_series": alpha.target_series,
        "estimator": alpha.estimator,
        "min_edge_after_fees_cents": alpha.min_edge_after_fees_cents,
        "missing_input_penalty_cents": alpha.missing_input_penalty_cents,
        "max_no_refresh": alpha.max_no_refresh,
        "model_weight": alpha.model_weight,
        "news_weight": alpha.news_weight,
        "news_half_life_minutes": alpha.news_half_life_minutes,
        "news_fresh_minutes": alpha.news_fresh_minutes,
        "organization_persistence": alpha.organization_persistence,
        "kelly_fraction": alpha.kelly_fraction,
        "max_spread_cents": alpha.max_spread_cents,
        "max_model_market_gap_cents": alpha.max_model_market_gap_cents,
        "favourite_price": alpha.favourite_price,
        "min_mid_sum": alpha.min_mid_sum,
        "max_mid_sum": alpha.max_mid_sum,
        "ambiguous_gap_points": alpha.ambiguous_gap_points,
        "ambiguous_within_hours": alpha.ambiguous_within_hours,
        "preliminary_model_discount": alpha.preliminary_model_discount,
        "entry_style": match alpha.entry_style { EntryStyle::Take => "take", EntryStyle::Rest => "rest" },
        "order_lifetime_minutes": alpha.order_lifetime_minutes,
        "reprice_step_cents": alpha.reprice_step_cents,
        "entry_cutoff_minutes": alpha.entry_cutoff_minutes,
        "cancel_cutoff_minutes": alpha.cancel_cutoff_minutes,
        "max_feed_age_seconds": alpha.max_feed_age_seconds,
        "max_board_age_days": alpha.max_board_age_days,
        "max_book_age_seconds": alpha.max_book_age_seconds,
    })
}

/// The strategy's parameters, checked.
///
/// # Errors
/// [`Failure`] with the key that cannot be used.
#[expect(
    clippy::field_reassign_with_default,
    reason = "one line for each key reads better than nested updates"
)]
pub(crate) fn strategy_params(config: &Config) -> Result<Params, Failure> {
    let alpha = &config.leaderboard_alpha;
    let wrong = |key: &str, detail: String| {
        Failure::failed(format!("configuration: leaderboard_alpha.{key}: {detail}"))
    };
    let cents = |cents: u32| Price::from_cents(i64::from(cents)).unwrap_or(Price::ONE);
    let tickers = |key: &str, map: &std::collections::BTreeMap<String, String>| {
        map.iter()
            .map(|(ticker, name)| {
                Ok((
                    ticker.parse::<Ticker>().map_err(|e| wrong(key, e.to_string()))?,
                    name.clone(),
                ))
            })
            .collect::<Result<_, Failure>>()
    };
    let mut params = Params::default();
    params.estimator = estimator(&alpha.estimator).map_err(|detail| wrong("estimator", detail))?;
    params.board_walk = board_walk(config)?;
    params.rank_table.preliminary_discount = alpha.preliminary_model_discount;
    params.pool.weight_at_rest = alpha.model_weight;
    params.pool.weight_fresh = alpha.news_weight;
    params.pool.news_half_life = minutes(alpha.news_half_life_minutes);
    params.pool.fresh_for = minutes(alpha.news_fresh_minutes);
    params.pool.organization_persistence = alpha.organization_persistence;
    params.min_edge_after_fees = cents(alpha.min_edge_after_fees_cents);
    params.missing_input_penalty = cents(alpha.missing_input_penalty_cents);
    params.guards.no_refresh = alpha.max_no_refresh;
    params.sizing.kelly_fraction = alpha.kelly_fraction;
    let own = &config.risk.per_strategy.leaderboard_alpha;
    params.sizing.max_lab_exposure = own.max_lab_exposure.0;
    params.sizing.max_worst_state_loss = own.max_worst_state_loss.0;
    params.sizing.max_position_per_contract = Contracts::whole(own.max_position_per_contract);
    params.sizing.max_position_per_event = Contracts::whole(own.max_position_per_event);
    params.sizing.max_order = Contracts::whole(own.max_order_contracts);
    params.timing.entry_cutoff = TimeDelta::minutes(i64::from(alpha.entry_cutoff_minutes));
    params.timing.cancel_cutoff = TimeDelta::minutes(i64::from(alpha.cancel_cutoff_minutes));
    params.resting = params::RestingParams {
        style: match alpha.entry_style {
            EntryStyle::Take => params::EntryStyle::Take,
            EntryStyle::Rest => params::EntryStyle::Rest,
        },
        reprice_step: cents(alpha.reprice_step_cents),
        ..params.resting
    }
    .with_lifetime(TimeDelta::minutes(i64::from(alpha.order_lifetime_minutes)));
    params.guards.max_feed_age = seconds(alpha.max_feed_age_seconds);
    params.guards.max_board_age = seconds(alpha.max_board_age_days.saturating_mul(86_400));
    params.guards.max_book_age = seconds(alpha.max_book_age_seconds);
    params.guards.max_spread = cents(alpha.max_spread_cents);
    params.guards.max_gap = f64::from(alpha.max_model_market_gap_cents) / 100.0;
    params.guards.favourite = alpha.favourite_price;
    params.guards.min_mid_sum = alpha.min_mid_sum;
    params.guards.max_mid_sum = alpha.max_mid_sum;
    params.guards.ambiguous_gap = alpha.ambiguous_gap_points;
    params.guards.ambiguous_within = minutes(alpha.ambiguous_within_hours * 60.0);
    params.mapping.model_overrides = tickers("model_ticker_overrides", &alpha.model_ticker_overrides)?;
    params.mapping.organization_overrides = tickers("org_ticker_overrides", &alpha.org_ticker_overrides)?;
    params.mapping.model_aliases.clone_from(&alpha.model_aliases);
    params.mapping.organization_aliases.clone_from(&alpha.org_aliases);
    params.mapping.suggestion_threshold = alpha.fuzzy_match_threshold;
    for rules in &alpha.approved_rules {
        let series = rules
            .series
            .parse()
            .map_err(|e: autotrader_domain::NameError| wrong("approved_rules", e.to_string()))?;
        let approved = ApprovedRules::new(series, rules.text.clone(), &rules.rule_set)
            .map_err(|error| wrong("approved_rules", error.to_string()))?;
        params.mapping.approved_rules.push(approved);
    }
    params
        .validate()
        .map_err(|error| Failure::failed(format!("configuration: {error}")))?;
    Ok(params)
}

/// The estimator of a name.
///
/// # Errors
/// A sentence without its full stop that lists the names.
pub(crate) fn estimator(name: &str) -> Result<EstimatorKind, String> {
    let named = EstimatorKind::ALL.into_iter().find(|kind| kind.name() == name);
    named.ok_or_else(|| {
        let names = EstimatorKind::ALL.map(EstimatorKind::name);
        format!("`{name}` is not one of {}", names.join(", "))
    })
}

/// The parameters of the board walk: configuration and strategy call them by the same names.
fn board_walk(config: &Config) -> Result<BoardWalkParams, Failure> {
    serde_json::to_value(&config.leaderboard_alpha.board_walk)
        .and_then(serde_json::from_value)
        .map_err(|error| Failure::failed(format!("configuration: leaderboard_alpha.board_walk: {error}.")))
}

pub(super) fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}

fn minutes(minutes: f64) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "validated to be finite and at least zero; saturates"
    )]
    let millis = (minutes * 60_000.0) as i64;
    TimeDelta::milliseconds(millis.clamp(1, 31_536_000_000))
}

/// The series that are traded.
///
/// # Errors
/// [`Failure`] with the name that is not one.
pub(crate) fn series(config: &Config) -> Result<Vec<SeriesTicker>, Failure> {
    let parse = |name: &String| {
        name.parse().map_err(|error| {
            Failure::failed(format!(
                "configuration: leaderboard_alpha.target_series: {error}."
            ))
        })
    };
    config.leaderboard_alpha.target_series.iter().map(parse).collect()
}

/// The gate's settings.
pub(crate) fn gate_settings(config: &Config) -> GateSettings {
    GateSettings {
        min_rows: config.arena_monitor.min_rows as usize,
        ..GateSettings::default()
    }
}

/// The figures of the vintage rules.
pub(crate) fn vintage_settings(config: &Config) -> VintageSettings {
    let arena = &config.arena_monitor;
    VintageSettings {
        confirm_readings: arena.confirm_readings,
        confirm_apart: Duration::from_secs(arena.confirm_seconds),
        rollback_readings: arena.rollback_readings,
        rollback_after: Duration::from_secs(arena.rollback_minutes.saturating_mul(60)),
        poll_interval: Duration::from_secs(arena.poll_interval_seconds),
        max_consecutive_failures: arena.max_consecutive_failures,
        diff: DiffSettings {
            rank_cutoff: arena.signal_rank_cutoff,
            score_threshold: arena.score_shift_threshold,
            ..DiffSettings::default()
        },
        ..VintageSettings::default()
    }
}
