//! Which fields of a success the specification requires: what `missing_field` and `ws_missing_field` may take away.

/// The required fields of one kind of answer or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseShape {
    /// The method; `WS` for a WebSocket message.
    pub method: &'static str,
    /// The path below `/trade-api/v2`, with `{}` for a name; the message type of a WebSocket message.
    pub path: &'static str,
    /// Required at the top.
    pub top: &'static [&'static str],
    /// Required in an object under a key of the top, or in each object of an array under it.
    pub parts: &'static [(&'static str, &'static [&'static str])],
}

/// The shape of a success, or of a WebSocket message; nothing for what is not listed.
#[must_use]
pub fn required_fields(method: &str, path: &str) -> Option<&'static ResponseShape> {
    // Literal paths come before those with names in the same place.
    RESPONSES
        .iter()
        .chain(MESSAGES)
        .find(|shape| shape.method == method && fits(shape.path, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|wanted| match (wanted, segments.next()) {
        (_, None) => false,
        ("{}", Some(name)) => !name.is_empty(),
        (wanted, Some(name)) => wanted == name,
    }) && segments.next().is_none()
}

const fn get(
    path: &'static str,
    top: &'static [&'static str],
    parts: &'static [(&'static str, &'static [&'static str])],
) -> ResponseShape {
    ResponseShape {
        method: "GET",
        path,
        top,
        parts,
    }
}

const fn write(
    method: &'static str,
    path: &'static str,
    top: &'static [&'static str],
    parts: &'static [(&'static str, &'static [&'static str])],
) -> ResponseShape {
    ResponseShape {
        method,
        path,
        top,
        parts,
    }
}

const fn sequenced(
    path: &'static str,
    body: &'static [(&'static str, &'static [&'static str])],
) -> ResponseShape {
    write("WS", path, &["type", "sid", "seq", "msg"], body)
}

const fn unsequenced(
    path: &'static str,
    body: &'static [(&'static str, &'static [&'static str])],
) -> ResponseShape {
    write("WS", path, &["type", "sid", "msg"], body)
}

const MARKET: &[&str] = &[
    "ticker",
    "event_ticker",
    "market_type",
    "yes_sub_title",
    "no_sub_title",
    "created_time",
    "updated_time",
    "open_time",
    "close_time",
    "latest_expiration_time",
    "settlement_timer_seconds",
    "status",
    "notional_value_dollars",
    "yes_bid_dollars",
    "yes_ask_dollars",
    "no_bid_dollars",
    "no_ask_dollars",
    "yes_bid_size_fp",
    "yes_ask_size_fp",
    "last_price_dollars",
    "previous_yes_bid_dollars",
    "previous_yes_ask_dollars",
    "previous_price_dollars",
    "volume_fp",
    "volume_24h_fp",
    "open_interest_fp",
    "result",
    "can_close_early",
    "expiration_value",
    "rules_primary",
    "rules_secondary",
    "price_level_structure",
    "price_ranges",
    "settlement_bounds_type",
];

const EVENT: &[&str] = &[
    "event_ticker",
    "series_ticker",
    "sub_title",
    "title",
    "collateral_return_type",
    "mutually_exclusive",
    "settlement_sources",
];

const SERIES: &[&str] = &[
    "ticker",
    "frequency",
    "title",
    "category",
    "categories",
    "tags",
    "settlement_sources",
    "contract_url",
    "contract_terms_url",
    "fee_type",
    "fee_multiplier",
    "additional_prohibitions",
];

const ORDER: &[&str] = &[
    "order_id",
    "user_id",
    "client_order_id",
    "ticker",
    "outcome_side",
    "book_side",
    "type",
    "status",
    "yes_price_dollars",
    "no_price_dollars",
    "fill_count_fp",
    "remaining_count_fp",
    "initial_count_fp",
    "taker_fees_dollars",
    "maker_fees_dollars",
    "taker_fill_cost_dollars",
    "maker_fill_cost_dollars",
];

const FILL: &[&str] = &[
    "fill_id",
    "exchange_index",
    "trade_id",
    "order_id",
    "ticker",
    "market_ticker",
    "outcome_side",
    "book_side",
    "count_fp",
    "yes_price_dollars",
    "no_price_dollars",
    "is_taker",
    "fee_cost",
];

const BUCKET: &[&str] = &["refill_rate", "bucket_capacity"];

/// Successes of the trading surface (OpenAPI 3.34.0).
const RESPONSES: &[ResponseShape] = &[
    get(
        "/exchange/status",
        &["exchange_active", "trading_active"],
        &[(
            "exchange_index_statuses",
            &[
                "exchange_index",
                "description",
                "exchange_active",
                "trading_active",
                "intra_exchange_transfers_active",
            ],
        )],
    ),
    get(
        "/exchange/schedule",
        &["schedule"],
        &[("schedule", &["standard_hours", "maintenance_windows"])],
    ),
    get("/exchange/user_data_timestamp", &["as_of_time"], &[]),
    get(
        "/series/fee_changes",
        &["series_fee_change_arr"],
        &[(
            "series_fee_change_arr",
            &[
                "id",
                "series_ticker",
                "fee_type",
                "fee_multiplier",
                "scheduled_ts",
            ],
        )],
    ),
    get(
        "/series/{}/markets/{}/candlesticks",
        &["ticker", "candlesticks"],
        &[(
            "candlesticks",
            &[
                "end_period_ts",
                "yes_bid",
                "yes_ask",
                "price",
                "volume_fp",
                "open_interest_fp",
            ],
        )],
    ),
    get("/series/{}", &["series"], &[("series", SERIES)]),
    get("/series", &["series"], &[("series", SERIES)]),
    get(
        "/events/fee_changes",
        &["event_fee_changes", "cursor"],
        &[(
            "event_fee_changes",
            &[
                "id",
                "event_ticker",
                "series_ticker",
                "fee_type_override",
                "fee_multiplier_override",
                "scheduled_ts",
            ],
        )],
    ),
    get(
        "/events/{}",
        &["event", "markets"],
        &[("event", EVENT), ("markets", MARKET)],
    ),
    get("/events", &["events", "cursor"], &[("events", EVENT)]),
    get(
        "/markets/trades",
        &["trades", "cursor"],
        &[(
            "trades",
            &[
                "trade_id",
                "ticker",
                "count_fp",
                "yes_price_dollars",
                "no_price_dollars",
                "taker_outcome_side",
                "taker_book_side",
                "created_time",
                "is_block_trade",
            ],
        )],
    ),
    get(
        "/markets/orderbooks",
        &["orderbooks"],
        &[("orderbooks", &["ticker", "orderbook_fp"])],
    ),
    get(
        "/markets/candlesticks",
        &["markets"],
        &[("markets", &["market_ticker", "candlesticks"])],
    ),
    get(
        "/markets/{}/orderbook",
        &["orderbook_fp"],
        &[("orderbook_fp", &["yes_dollars", "no_dollars"])],
    ),
    get("/markets/{}", &["market"], &[("market", MARKET)]),
    get("/markets", &["markets", "cursor"], &[("markets", MARKET)]),
    get(
        "/portfolio/orders/queue_positions",
        &["queue_positions"],
        &[(
            "queue_positions",
            &["order_id", "market_ticker", "queue_position_fp"],
        )],
    ),
    get("/portfolio/orders/{}/queue_position", &["queue_position_fp"], &[]),
    get("/portfolio/orders/{}", &["order"], &[("order", ORDER)]),
    get("/portfolio/orders", &["orders", "cursor"], &[("orders", ORDER)]),
    write("POST", "/portfolio/events/orders/batched", &["orders"], &[]),
    write(
        "DELETE",
        "/portfolio/events/orders/batched",
        &["orders"],
        &[("orders", &["order_id", "reduced_by"])],
    ),
    write(
        "POST",
        "/portfolio/events/orders",
        &["order_id", "fill_count", "remaining_count", "ts_ms"],
        &[],
    ),
    write(
        "POST",
        "/portfolio/events/orders/{}/amend",
        &["order_id", "ts_ms"],
        &[],
    ),
    write(
        "POST",
        "/portfolio/events/orders/{}/decrease",
        &["order_id", "remaining_count", "ts_ms"],
        &[],
    ),
    write(
        "DELETE",
        "/portfolio/events/orders/{}",
        &["order_id", "reduced_by", "ts_ms"],
        &[],
    ),
    write(
        "POST",
        "/portfolio/order_groups/create",
        &["order_group_id", "subaccount"],
        &[],
    ),
    get(
        "/portfolio/order_groups/{}",
        &["is_auto_cancel_enabled", "orders"],
        &[],
    ),
    get(
        "/portfolio/order_groups",
        &[],
        &[("order_groups", &["id", "is_auto_cancel_enabled"])],
    ),
    get(
        "/portfolio/balance",
        &["balance", "balance_dollars", "portfolio_value", "updated_ts"],
        &[("balance_breakdown", &["exchange_index", "balance"])],
    ),
    get(
        "/portfolio/positions",
        &["market_positions", "event_positions"],
        &[
            (
                "market_positions",
                &[
                    "ticker",
                    "exchange_index",
                    "total_traded_dollars",
                    "position_fp",
                    "market_exposure_dollars",
                    "realized_pnl_dollars",
                    "fees_paid_dollars",
                    "last_updated_ts",
                ],
            ),
            (
                "event_positions",
                &[
                    "event_ticker",
                    "total_cost_dollars",
                    "total_cost_shares_fp",
                    "event_exposure_dollars",
                    "realized_pnl_dollars",
                    "fees_paid_dollars",
                ],
            ),
        ],
    ),
    get(
        "/portfolio/settlements",
        &["settlements"],
        &[(
            "settlements",
            &[
                "ticker",
                "exchange_index",
                "event_ticker",
                "market_result",
                "yes_count_fp",
                "yes_total_cost_dollars",
                "no_count_fp",
                "no_total_cost_dollars",
                "revenue",
                "settled_time",
                "fee_cost",
            ],
        )],
    ),
    get("/portfolio/fills", &["fills", "cursor"], &[("fills", FILL)]),
    get(
        "/account/limits",
        &["usage_tier", "read", "write", "grants"],
        &[
            ("read", BUCKET),
            ("write", BUCKET),
            ("grants", &["exchange_instance", "level", "source"]),
        ],
    ),
    get(
        "/account/endpoint_costs",
        &["default_cost", "endpoint_costs"],
        &[("endpoint_costs", &["method", "path", "cost"])],
    ),
];

/// WebSocket messages of the trading channels (AsyncAPI 2.0.0).
const MESSAGES: &[ResponseShape] = &[
    write(
        "WS",
        "subscribed",
        &["type", "msg"],
        &[("msg", &["channel", "sid"])],
    ),
    sequenced(
        "orderbook_snapshot",
        &[("msg", &["market_ticker", "market_id", "clock"])],
    ),
    sequenced(
        "orderbook_delta",
        &[(
            "msg",
            &[
                "market_ticker",
                "market_id",
                "clock",
                "price_dollars",
                "delta_fp",
                "side",
            ],
        )],
    ),
    unsequenced(
        "ticker",
        &[(
            "msg",
            &[
                "market_id",
                "market_ticker",
                "price_dollars",
                "yes_bid_dollars",
                "yes_ask_dollars",
                "volume_fp",
                "open_interest_fp",
                "dollar_volume",
                "dollar_open_interest",
                "yes_bid_size_fp",
                "yes_ask_size_fp",
                "last_trade_size_fp",
                "ts",
                "ts_ms",
                "time",
            ],
        )],
    ),
    sequenced(
        "trade",
        &[(
            "msg",
            &[
                "trade_id",
                "market_ticker",
                "yes_price_dollars",
                "no_price_dollars",
                "count_fp",
                "taker_side",
                "taker_outcome_side",
                "taker_book_side",
                "is_block_trade",
                "ts",
                "ts_ms",
            ],
        )],
    ),
    unsequenced(
        "fill",
        &[(
            "msg",
            &[
                "trade_id",
                "order_id",
                "market_ticker",
                "exchange_index",
                "is_taker",
                "side",
                "yes_price_dollars",
                "count_fp",
                "fee_cost",
                "action",
                "outcome_side",
                "book_side",
                "ts",
                "ts_ms",
                "post_position_fp",
                "purchased_side",
            ],
        )],
    ),
    sequenced(
        "market_lifecycle_v2",
        &[("msg", &["market_ticker", "event_type"])],
    ),
    sequenced(
        "event_lifecycle",
        &[(
            "msg",
            &[
                "event_ticker",
                "exchange_index",
                "title",
                "subtitle",
                "collateral_return_type",
                "series_ticker",
            ],
        )],
    ),
    sequenced(
        "event_fee_update",
        &[(
            "msg",
            &["event_ticker", "fee_type_override", "fee_multiplier_override"],
        )],
    ),
    unsequenced(
        "market_position",
        &[(
            "msg",
            &[
                "user_id",
                "market_ticker",
                "position_fp",
                "position_cost_dollars",
                "realized_pnl_dollars",
                "fees_paid_dollars",
                "position_fee_cost_dollars",
                "volume_fp",
            ],
        )],
    ),
    sequenced(
        "order_group_updates",
        &[("msg", &["event_type", "order_group_id", "ts_ms"])],
    ),
    unsequenced(
        "user_order",
        &[(
            "msg",
            &[
                "order_id",
                "user_id",
                "ticker",
                "exchange_index",
                "status",
                "side",
                "is_yes",
                "outcome_side",
                "book_side",
                "yes_price_dollars",
                "fill_count_fp",
                "remaining_count_fp",
                "initial_count_fp",
                "taker_fill_cost_dollars",
                "maker_fill_cost_dollars",
                "taker_fees_dollars",
                "maker_fees_dollars",
                "client_order_id",
                "created_time",
                "created_ts_ms",
            ],
        )],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_shape_and_literals_win_over_names() {
        for (method, path, found) in [
            ("GET", "/markets", Some("/markets")),
            ("GET", "/markets/KX-1", Some("/markets/{}")),
            ("GET", "/markets/trades", Some("/markets/trades")),
            ("GET", "/markets/KX-1/orderbook", Some("/markets/{}/orderbook")),
            ("GET", "/series/fee_changes", Some("/series/fee_changes")),
            (
                "GET",
                "/portfolio/orders/queue_positions",
                Some("/portfolio/orders/queue_positions"),
            ),
            (
                "DELETE",
                "/portfolio/events/orders/batched",
                Some("/portfolio/events/orders/batched"),
            ),
            (
                "DELETE",
                "/portfolio/events/orders/1",
                Some("/portfolio/events/orders/{}"),
            ),
            ("WS", "fill", Some("fill")),
            ("GET", "/markets/", None),
            ("GET", "/markets/KX-1/orderbook/x", None),
            ("POST", "/markets", None),
            ("WS", "sold", None),
        ] {
            assert_eq!(
                required_fields(method, path).map(|shape| shape.path),
                found,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn no_path_is_hidden_by_an_earlier_one() {
        for shape in RESPONSES.iter().chain(MESSAGES) {
            let path = shape.path.replace("{}", "NAME");
            assert_eq!(required_fields(shape.method, &path), Some(shape), "{path}");
        }
    }
}
