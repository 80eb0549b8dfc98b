//! Ranges and units: what a type cannot say.

use secrecy::ExposeSecret;
use url::Url;

use crate::{Config, Dollars, EntryStyle};

/// The estimators by name.
const ESTIMATORS: [&str; 4] = ["board_walk", "persistence", "recency_persistence", "rank_table"];

/// The first key that is out of range, with what was expected.
pub(crate) fn first_violation(config: &Config) -> Option<(&'static str, String)> {
    numbers(config)
        .or_else(|| config.leaderboard_alpha.board_walk.first_violation())
        .or_else(|| addresses(config))
        .or_else(|| relations(config))
}

fn numbers(config: &Config) -> Option<(&'static str, String)> {
    let (kalshi, arena, alpha) = (&config.kalshi, &config.arena_monitor, &config.leaderboard_alpha);
    let (global, limits) = (&config.risk.global, &config.risk.per_strategy.leaderboard_alpha);
    let between = |key, value: u64, low: u64, high: u64| {
        (!(low..=high).contains(&value)).then(|| (key, format!("{value} is not between {low} and {high}")))
    };
    let share = |key, value: f64| {
        (!(0.0..=1.0).contains(&value)).then(|| (key, format!("{value} is not a share between 0 and 1")))
    };
    let positive = |key, value: Dollars| {
        (value.0.raw() <= 0).then(|| (key, format!("{value} is not an amount above zero")))
    };
    let at_least_zero = |key, value: f64| {
        (!value.is_finite() || value < 0.0)
            .then(|| (key, format!("{value} is not a number of at least zero")))
    };
    [
        between(
            "kalshi.request_timeout_seconds",
            kalshi.request_timeout_seconds,
            1,
            120,
        ),
        between("kalshi.max_retries", kalshi.max_retries.into(), 1, 10),
        between(
            "journal.max_segment_mb",
            config.journal.max_segment_mb.into(),
            1,
            4_096,
        ),
        between(
            "journal.retention_days",
            config.journal.retention_days.into(),
            1,
            36_500,
        ),
        between(
            "kalshi.max_concurrent_orders",
            kalshi.max_concurrent_orders.into(),
            1,
            64,
        ),
        between(
            "kalshi.ready_signature_seconds",
            kalshi.ready_signature_seconds,
            0,
            10,
        ),
        between(
            "kalshi.order_group_contracts",
            kalshi.order_group_contracts.into(),
            0,
            1_000_000,
        ),
        between("kalshi.book_poll_seconds", kalshi.book_poll_seconds, 1, 3_600),
        between(
            "kalshi.market_refresh_seconds",
            kalshi.market_refresh_seconds,
            10,
            86_400,
        ),
        between(
            "kalshi.paper_latency_milliseconds",
            kalshi.paper_latency_milliseconds,
            0,
            60_000,
        ),
        positive("kalshi.paper_balance", kalshi.paper_balance),
        between(
            "arena_monitor.poll_interval_seconds",
            arena.poll_interval_seconds,
            1,
            3_600,
        ),
        between(
            "arena_monitor.poll_jitter_seconds",
            arena.poll_jitter_seconds,
            0,
            60,
        ),
        between(
            "arena_monitor.request_timeout_seconds",
            arena.request_timeout_seconds,
            1,
            120,
        ),
        between(
            "arena_monitor.max_consecutive_failures",
            arena.max_consecutive_failures.into(),
            1,
            1_000,
        ),
        between("arena_monitor.min_rows", arena.min_rows.into(), 1, 10_000),
        between(
            "arena_monitor.signal_rank_cutoff",
            arena.signal_rank_cutoff.unsigned_abs(),
            1,
            10_000,
        ),
        at_least_zero("arena_monitor.score_shift_threshold", arena.score_shift_threshold),
        between(
            "arena_monitor.confirm_readings",
            arena.confirm_readings.into(),
            1,
            100,
        ),
        between("arena_monitor.confirm_seconds", arena.confirm_seconds, 0, 86_400),
        between(
            "arena_monitor.rollback_readings",
            arena.rollback_readings.into(),
            2,
            10_000,
        ),
        between(
            "arena_monitor.rollback_minutes",
            arena.rollback_minutes,
            1,
            10_080,
        ),
        share(
            "risk.global.max_portfolio_exposure_pct",
            global.max_portfolio_exposure_pct,
        ),
        share("risk.global.max_daily_loss_pct", global.max_daily_loss_pct),
        between(
            "risk.global.reconciliation_interval_seconds",
            global.reconciliation_interval_seconds,
            10,
            86_400,
        ),
        between(
            "risk.per_strategy.leaderboard_alpha.max_order_contracts",
            limits.max_order_contracts.into(),
            1,
            100_000,
        ),
        between(
            "risk.per_strategy.leaderboard_alpha.max_position_per_contract",
            limits.max_position_per_contract.into(),
            1,
            1_000_000,
        ),
        between(
            "risk.per_strategy.leaderboard_alpha.max_position_per_event",
            limits.max_position_per_event.into(),
            1,
            1_000_000,
        ),
        between(
            "risk.per_strategy.leaderboard_alpha.max_orders_per_minute",
            limits.max_orders_per_minute.into(),
            1,
            600,
        ),
        between(
            "risk.per_strategy.leaderboard_alpha.price_collar_cents",
            limits.price_collar_cents.into(),
            0,
            99,
        ),
        positive(
            "risk.per_strategy.leaderboard_alpha.max_strategy_loss",
            limits.max_strategy_loss,
        ),
        positive(
            "risk.per_strategy.leaderboard_alpha.max_drawdown",
            limits.max_drawdown,
        ),
        positive(
            "risk.per_strategy.leaderboard_alpha.max_worst_state_loss",
            limits.max_worst_state_loss,
        ),
        positive(
            "risk.per_strategy.leaderboard_alpha.max_lab_exposure",
            limits.max_lab_exposure,
        ),
        between(
            "leaderboard_alpha.min_edge_after_fees_cents",
            alpha.min_edge_after_fees_cents.into(),
            1,
            50,
        ),
        between(
            "leaderboard_alpha.missing_input_penalty_cents",
            alpha.missing_input_penalty_cents.into(),
            0,
            50,
        ),
        share("leaderboard_alpha.max_no_refresh", alpha.max_no_refresh),
        share("leaderboard_alpha.model_weight", alpha.model_weight),
        share("leaderboard_alpha.news_weight", alpha.news_weight),
        share("leaderboard_alpha.kelly_fraction", alpha.kelly_fraction),
        share(
            "leaderboard_alpha.preliminary_model_discount",
            alpha.preliminary_model_discount,
        ),
        share(
            "leaderboard_alpha.fuzzy_match_threshold",
            alpha.fuzzy_match_threshold,
        ),
        at_least_zero(
            "leaderboard_alpha.news_half_life_minutes",
            alpha.news_half_life_minutes,
        ),
        at_least_zero("leaderboard_alpha.news_fresh_minutes", alpha.news_fresh_minutes),
        share(
            "leaderboard_alpha.organization_persistence",
            alpha.organization_persistence,
        ),
        share("leaderboard_alpha.favourite_price", alpha.favourite_price),
        at_least_zero("leaderboard_alpha.min_mid_sum", alpha.min_mid_sum),
        at_least_zero("leaderboard_alpha.max_mid_sum", alpha.max_mid_sum),
        at_least_zero(
            "leaderboard_alpha.ambiguous_gap_points",
            alpha.ambiguous_gap_points,
        ),
        at_least_zero(
            "leaderboard_alpha.ambiguous_within_hours",
            alpha.ambiguous_within_hours,
        ),
        between(
            "leaderboard_alpha.max_spread_cents",
            alpha.max_spread_cents.into(),
            1,
            99,
        ),
        between(
            "leaderboard_alpha.max_model_market_gap_cents",
            alpha.max_model_market_gap_cents.into(),
            1,
            100,
        ),
        // The floor leaves room for a renewal before the expiry; the ceiling is what a dead machine may leave behind.
        between(
            "leaderboard_alpha.order_lifetime_minutes",
            alpha.order_lifetime_minutes.into(),
            2,
            60,
        ),
        between(
            "leaderboard_alpha.reprice_step_cents",
            alpha.reprice_step_cents.into(),
            1,
            49,
        ),
        between(
            "leaderboard_alpha.entry_cutoff_minutes",
            alpha.entry_cutoff_minutes.into(),
            0,
            10_080,
        ),
        between(
            "leaderboard_alpha.cancel_cutoff_minutes",
            alpha.cancel_cutoff_minutes.into(),
            0,
            10_080,
        ),
        between(
            "leaderboard_alpha.max_feed_age_seconds",
            alpha.max_feed_age_seconds,
            30,
            86_400,
        ),
        between(
            "leaderboard_alpha.max_board_age_days",
            alpha.max_board_age_days,
            1,
            365,
        ),
        between(
            "leaderboard_alpha.max_book_age_seconds",
            alpha.max_book_age_seconds,
            1,
            86_400,
        ),
    ]
    .into_iter()
    .flatten()
    .next()
}

fn addresses(config: &Config) -> Option<(&'static str, String)> {
    if let Some(detail) = bad_stream_address(&config.kalshi.websocket_url) {
        return Some(("kalshi.websocket_url", detail));
    }
    let exchange =
        (!config.kalshi.base_url.is_empty()).then_some(("kalshi.base_url", config.kalshi.base_url.as_str()));
    let primary = Some((
        "arena_monitor.primary_url",
        config.arena_monitor.primary_url.as_str(),
    ));
    let fallbacks = config
        .arena_monitor
        .fallback_urls
        .iter()
        .map(|url| ("arena_monitor.fallback_urls", url.as_str()));
    exchange
        .into_iter()
        .chain(primary)
        .chain(fallbacks)
        .find_map(|(key, text)| bad_address(text).map(|detail| (key, detail)))
}

fn bad_address(text: &str) -> Option<String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.host().is_some() => None,
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => None,
        Ok(_) => Some(format!("`{text}` must be https://, or http:// to this machine")),
        Err(error) => Some(format!("`{text}` is not an address: {error}")),
    }
}

/// Empty means the environment's own.
fn bad_stream_address(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    match Url::parse(text) {
        Ok(url) if url.scheme() == "wss" && url.host().is_some() => None,
        Ok(url) if url.scheme() == "ws" && is_loopback(&url) => None,
        Ok(_) => Some(format!("`{text}` must be wss://, or ws:// to this machine")),
        Err(error) => Some(format!("`{text}` is not an address: {error}")),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn relations(config: &Config) -> Option<(&'static str, String)> {
    let alpha = &config.leaderboard_alpha;
    if config.discord.enabled && config.discord.webhook_url.expose_secret().is_empty() {
        return Some((
            "discord.webhook_url",
            "is empty, but discord.enabled is true".into(),
        ));
    }
    if alpha.news_weight < alpha.model_weight {
        return Some((
            "leaderboard_alpha.news_weight",
            "is below leaderboard_alpha.model_weight".into(),
        ));
    }
    if alpha.min_mid_sum > alpha.max_mid_sum {
        return Some((
            "leaderboard_alpha.min_mid_sum",
            "is above leaderboard_alpha.max_mid_sum: no event could be entered".into(),
        ));
    }
    if alpha.entry_style == EntryStyle::Rest && alpha.reprice_step_cents >= alpha.min_edge_after_fees_cents {
        return Some((
            "leaderboard_alpha.reprice_step_cents",
            "is not below leaderboard_alpha.min_edge_after_fees_cents: a resting order without an edge would be kept".into(),
        ));
    }
    if alpha.cancel_cutoff_minutes > alpha.entry_cutoff_minutes {
        return Some((
            "leaderboard_alpha.cancel_cutoff_minutes",
            "is above leaderboard_alpha.entry_cutoff_minutes".into(),
        ));
    }
    let reason = &config.risk.live_override;
    if reason.chars().any(char::is_control) || reason.chars().count() > 500 {
        return Some((
            "risk.live_override",
            "is not one line of at most 500 characters".into(),
        ));
    }
    if config.risk.global.halt_file.trim().is_empty() {
        return Some((
            "risk.global.halt_file",
            "is empty: name a file that would halt trading".into(),
        ));
    }
    if !ESTIMATORS.contains(&alpha.estimator.as_str()) {
        let detail = format!("`{}` is not one of {}", alpha.estimator, ESTIMATORS.join(", "));
        return Some(("leaderboard_alpha.estimator", detail));
    }
    if alpha.target_series.is_empty() {
        return Some((
            "leaderboard_alpha.target_series",
            "is empty: name at least one series".into(),
        ));
    }
    if !config.database.url.starts_with("sqlite:///") {
        return Some((
            "database.url",
            format!(
                "`{}` is not sqlite:///relative.db or sqlite:////absolute.db",
                config.database.url
            ),
        ));
    }
    None
}
