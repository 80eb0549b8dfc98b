//! The tables as the query builder knows them; the truth is in `migrations/`.

diesel::table! {
    meta (id) {
        id -> BigInt,
        database_id -> Text,
        mode -> Text,
        environment -> Nullable<Text>,
        account -> Nullable<Text>,
        created_at -> BigInt,
        opening_cash -> Nullable<BigInt>,
    }
}

diesel::table! {
    equity_marks (id) {
        id -> BigInt,
        at -> BigInt,
        day -> Text,
        equity -> BigInt,
        day_open -> BigInt,
        peak -> BigInt,
    }
}

diesel::table! {
    orders (client_order_id) {
        client_order_id -> Text,
        generation -> BigInt,
        ticker -> Text,
        event -> Text,
        series -> Text,
        claim -> Text,
        side -> Text,
        contracts -> BigInt,
        limit_price -> BigInt,
        time_in_force -> Text,
        expires_at -> Nullable<BigInt>,
        purpose -> Text,
        fee_type -> Text,
        fee_multiplier -> BigInt,
        check_time -> BigInt,
        strategy -> Text,
        rationale -> Text,
        reduce_only -> Bool,
        state -> Text,
        filled -> BigInt,
        venue_order_id -> Nullable<Text>,
        reject_reason -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        request -> Text,
        post_only -> Bool,
        edge -> BigInt,
        body -> Nullable<Text>,
    }
}

diesel::table! {
    order_events (id) {
        id -> BigInt,
        client_order_id -> Text,
        at -> BigInt,
        state -> Text,
        filled -> BigInt,
        detail -> Text,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    fills (id) {
        id -> BigInt,
        fill_id -> Text,
        venue_order_id -> Text,
        client_order_id -> Nullable<Text>,
        ticker -> Text,
        side -> Text,
        price -> BigInt,
        contracts -> BigInt,
        fee -> BigInt,
        liquidity -> Text,
        filled_at -> BigInt,
    }
}

diesel::table! {
    settlements (id) {
        id -> BigInt,
        ticker -> Text,
        yes_value -> BigInt,
        fee -> BigInt,
        settled_at -> BigInt,
    }
}

diesel::table! {
    outcomes (id) {
        id -> BigInt,
        at -> BigInt,
        ticker -> Text,
        yes_value -> BigInt,
        paid -> Bool,
    }
}

diesel::table! {
    boards (id) {
        id -> BigInt,
        hash -> Binary,
        entries -> BigInt,
        compressed -> Binary,
    }
}

diesel::table! {
    pages (id) {
        id -> BigInt,
        digest -> Binary,
        verdict -> Text,
        content -> Text,
    }
}

diesel::table! {
    readings (id) {
        id -> BigInt,
        fetched_at -> BigInt,
        source -> Text,
        origin -> Text,
        latency -> BigInt,
        bytes -> BigInt,
        page -> Nullable<BigInt>,
        unchanged -> Nullable<Bool>,
        failure -> Nullable<Text>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    accepted_boards (id) {
        id -> BigInt,
        hash -> Binary,
        vintage -> BigInt,
        path -> Text,
        accepted_at -> BigInt,
    }
}

diesel::table! {
    signals (id) {
        id -> BigInt,
        at -> BigInt,
        board -> Binary,
        urgency -> Text,
        kind -> Text,
        payload -> Text,
    }
}

diesel::table! {
    decisions (id) {
        id -> BigInt,
        at -> BigInt,
        ticker -> Text,
        fair -> Nullable<Double>,
        market -> Nullable<Double>,
        pooled -> Nullable<Double>,
        edge -> Nullable<Double>,
        target -> Nullable<BigInt>,
        position -> BigInt,
        action -> Text,
        side -> Nullable<Text>,
        contracts -> Nullable<BigInt>,
        limit_price -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        next_reason -> Nullable<Text>,
        baselines -> Text,
        wanted_side -> Nullable<Text>,
        wanted_contracts -> Nullable<BigInt>,
        wanted_limit -> Nullable<BigInt>,
        wanted_cost -> Nullable<BigInt>,
        wanted_fees -> Nullable<BigInt>,
    }
}

diesel::table! {
    refusals (id) {
        id -> BigInt,
        at -> BigInt,
        ticker -> Text,
        reason -> Text,
        detail -> Text,
    }
}

diesel::table! {
    risk_events (id) {
        id -> BigInt,
        at -> BigInt,
        cause -> Text,
        raised -> Bool,
        detail -> Text,
    }
}

diesel::table! {
    risk_causes (cause) {
        cause -> Text,
        raised_at -> BigInt,
        detail -> Text,
    }
}

diesel::table! {
    loss_bases (cause) {
        cause -> Text,
        equity -> BigInt,
        released_at -> BigInt,
    }
}

diesel::table! {
    system_events (id) {
        id -> BigInt,
        at -> BigInt,
        name -> Text,
        detail -> Text,
    }
}

diesel::table! {
    commands (id) {
        id -> BigInt,
        submitted_at -> BigInt,
        submitted_by -> Text,
        command -> Text,
        acknowledged_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        settled_stage -> Nullable<Text>,
        settled_at -> Nullable<BigInt>,
        finding -> Nullable<Text>,
        report -> Nullable<Text>,
    }
}

diesel::table! {
    contracts (ticker) {
        ticker -> Text,
        mapped_at -> BigInt,
        state -> Text,
        claim -> Nullable<Text>,
        rule_set -> Nullable<Text>,
        check_time -> Nullable<BigInt>,
        reasons -> Text,
        suggestions -> Text,
    }
}

diesel::table! {
    approvals (id) {
        id -> BigInt,
        at -> BigInt,
        decided_by -> Text,
        kind -> Text,
        ticker -> Nullable<Text>,
        subject -> Nullable<Text>,
        name -> Nullable<Text>,
        strike_model -> Nullable<Text>,
        rules_primary -> Nullable<Text>,
        series -> Nullable<Text>,
        text -> Nullable<Text>,
        rule_set -> Nullable<Text>,
    }
}

diesel::table! {
    board_history (id) {
        id -> BigInt,
        at -> BigInt,
        event -> Text,
        model_name -> Text,
        organization -> Nullable<Text>,
        gap -> Nullable<Double>,
    }
}

diesel::table! {
    forecast_names (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    forecasts (id) {
        id -> BigInt,
        at -> BigInt,
        check_time -> BigInt,
        rule_set -> Text,
        board -> Binary,
        estimator -> Text,
        models -> Text,
        rest -> Double,
        organizations -> Text,
        other -> Double,
        unlisted -> Double,
        drivers -> Nullable<Text>,
    }
}

diesel::table! {
    contract_terms (ticker) {
        ticker -> Text,
        seen_at -> BigInt,
        strike_model -> Nullable<Text>,
        rules_primary -> Text,
    }
}

diesel::table! {
    coherence (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        event -> Text,
        organization -> Nullable<Text>,
        sets -> BigInt,
        gross -> Double,
        net -> Double,
        capital -> BigInt,
    }
}

diesel::joinable!(readings -> pages (page));
diesel::allow_tables_to_appear_in_same_query!(readings, pages);
diesel::allow_tables_to_appear_in_same_query!(accepted_boards, boards);
diesel::allow_tables_to_appear_in_same_query!(contracts, outcomes, settlements);
