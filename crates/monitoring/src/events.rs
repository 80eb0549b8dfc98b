//! The names of what is logged: the field `event` of a log line.
//!
//! Names are stable. The table is generated from the same list as the constants.

macro_rules! events {
    ($($name:ident => $text:literal, $meaning:literal;)*) => {
        $(#[doc = concat!("`", $text, "`: ", $meaning)] pub const $name: &str = $text;)*

        /// Every event with its meaning, in the order of declaration.
        ///
        /// | event | meaning |
        /// |---|---|
        $(#[doc = concat!("| `", $text, "` | ", $meaning, " |")])*
        pub const ALL: &[(&str, &str)] = &[$(($text, $meaning),)*];
    };
}

events! {
    // The process.
    AUTOTRADER_STARTING => "autotrader_starting", "the process begins, with its version";
    RUNTIME_MODE_RESOLVED => "runtime_mode_resolved", "environment (`mode`), `api_base_url` and `execution_mode` in force";
    LIVE_EXECUTION_REFUSED => "live_execution_refused", "live execution may not begin, and everything that it lacks";
    LIVE_EXECUTION_ALLOWED => "live_execution_allowed", "live execution begins beyond this machine, and on what ground";
    LIVE_OVERRIDE => "live_override", "live execution goes without a passing checklist, for the reason given";
    CONFIGURATION_WARNING => "configuration_warning", "something in the configuration wants a look";
    DATABASE_INITIALIZED => "database_initialized", "the database is open and migrated (`url`)";
    KALSHI_CLIENT_CONNECTED => "kalshi_client_connected", "the exchange client is ready (`environment`, `base_url`)";
    AUTOTRADER_STOPPING => "autotrader_stopping", "the process was asked to stop";
    AUTOTRADER_STOPPED => "autotrader_stopped", "the process has finished its work";
    DRAIN_INCOMPLETE => "drain_incomplete", "time ran out before every order was finished";
    // The leaderboard.
    ARENA_LEADERBOARD_FETCHED => "arena_leaderboard_fetched", "a page came, with source, size and latency";
    ARENA_PAGE_ANSWERED => "arena_page_answered", "one address of the leaderboard answered, with status and origin";
    ARENA_FETCH_FAILED => "arena_fetch_failed", "one address of the leaderboard gave no page";
    ARENA_FETCH_ALL_FAILED => "arena_fetch_all_failed", "no address of the leaderboard gave a page";
    ARENA_FAILURE_THRESHOLD_TRIGGERED => "arena_failure_threshold_triggered", "as many polls failed in a row as are tolerated";
    PARSED_HTML_TABLE => "parsed_html_table", "a board was read, with the `path` that answered and the verdict";
    SIGNAL_GENERATED => "signal_generated", "something changed between two accepted boards";
    TICK_NO_SIGNALS => "tick_no_signals", "a reading brought no signal";
    // The exchange.
    KALSHI_LIMITS_LEARNT => "kalshi_limits_learnt", "the account's rate limits were read and are kept to";
    KALSHI_LIMITS_NOT_LEARNT => "kalshi_limits_not_learnt", "the account's rate limits could not be read; the last known ones hold";
    MARKET_STREAM_CONNECTED => "market_stream_connected", "the exchange's stream is up";
    MARKET_STREAM_DISCONNECTED => "market_stream_disconnected", "the exchange's stream is down, with the cause; books are polled meanwhile";
    MARKET_STREAM_REFUSED => "market_stream_refused", "the exchange refuses a channel of its stream";
    MARKET_STREAM_BOOK_UNKNOWN => "market_stream_book_unknown", "a streamed book is not known any more; it is read by REST until it is";
    MARKET_STREAM_RECONCILE => "market_stream_reconcile", "the stream may have missed something: the account is read";
    MARKET_STREAM_UNAVAILABLE => "market_stream_unavailable", "no stream is used although a key is configured, and why";
    MARKET_DATA_FAILED => "market_data_failed", "market data could not be read";
    BOOK_UNAVAILABLE => "book_unavailable", "the order book of one market could not be read";
    MARKET_SETTLED => "market_settled", "a market was settled";
    // Orders.
    ORDER_APPROVED => "order_approved", "risk passed an order";
    ORDER_REJECTED => "order_rejected", "risk or the exchange refused an order";
    ORDER_UPDATED => "order_updated", "an order changed its state";
    ORDER_FILLED => "order_filled", "an order was executed, in part or whole";
    POSITION_RECONCILIATION_OK => "position_reconciliation_ok", "our books and the exchange's agree";
    POSITION_RECONCILIATION_MISMATCHES => "position_reconciliation_mismatches", "our books and the exchange's differ";
    RESTORE_MISMATCH => "restore_mismatch", "what was restored does not fit together";
    // Risk.
    KILL_SWITCH_ACTIVATED => "kill_switch_activated", "trading was restricted, with the cause";
    KILL_SWITCH_DEACTIVATED => "kill_switch_deactivated", "a restriction was released, with the cause";
    ENTRIES_SUSPENDED => "entries_suspended", "entries wait for something that heals by itself, with the cause";
    ENTRIES_RESUMED => "entries_resumed", "what entries waited for is healthy again, with the cause";
    // The operator.
    ALERT => "alert", "something the operator is told";
    DISCORD_ALERT_RETRIED => "discord_alert_retried", "Discord did not take an alert; it is sent again";
    DISCORD_ALERT_DEAD_LETTERED => "discord_alert_dead_lettered", "an alert was given up";
    SYSTEM_EVENT_NOT_STORED => "system_event_not_stored", "an event about the process could not be written down";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_in_one_style() {
        let names: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), ALL.len());
        for (name, meaning) in ALL {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{name}"
            );
            assert!(!meaning.is_empty());
        }
    }

    #[test]
    fn the_names_that_others_rely_on_exist() {
        for name in [
            "autotrader_starting",
            "runtime_mode_resolved",
            "database_initialized",
            "kalshi_client_connected",
            "arena_leaderboard_fetched",
            "parsed_html_table",
            "tick_no_signals",
            "signal_generated",
            "order_rejected",
            "kill_switch_activated",
        ] {
            assert!(ALL.iter().any(|(known, _)| *known == name), "{name}");
        }
    }
}
