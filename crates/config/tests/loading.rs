//! Loading from directories, variables and flags: what wins, and what bad input says.
#![allow(clippy::unwrap_used, reason = "test helpers may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use autotrader_config::{Config, LogLevel, Request, load};
use autotrader_domain::ExecutionMode;
use rstest::rstest;
use tempfile::TempDir;

struct Setup {
    directory: TempDir,
    variables: BTreeMap<String, String>,
    flag: Option<ExecutionMode>,
}

impl Setup {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            variables: BTreeMap::new(),
            flag: None,
        }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        protect(&path, 0o600);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn request(&self) -> Request {
        Request {
            directory: None,
            execution_mode: self.flag,
            variables: self.variables.clone(),
            working_directory: self.directory.path().to_owned(),
        }
    }

    fn config(&self) -> Config {
        load(&self.request()).unwrap().config
    }

    #[track_caller]
    fn refused(&self) -> String {
        let text = load(&self.request())
            .unwrap_err()
            .to_string()
            .replace(&self.directory.path().display().to_string(), "");
        assert!(!text.contains('\n'), "one line: {text}");
        text
    }
}

#[cfg(unix)]
fn protect(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn protect(_: &Path, _: u32) {}

#[test]
fn without_a_directory_the_built_in_defaults_serve() {
    let config = Setup::new().config();
    assert_eq!(config.kalshi.execution_mode, ExecutionMode::Paper);
    assert_eq!(
        config.kalshi.effective_base_url(),
        "https://demo-api.kalshi.co/trade-api/v2"
    );
    assert_eq!(config.database.url, "sqlite:///autotrader_paper.db");
    assert_eq!(config.arena_monitor.poll_interval_seconds, 30);
}

#[test]
fn a_directory_needs_to_say_only_what_differs() {
    let config = Setup::new()
        .file("config/base.yaml", "kalshi: { book_poll_seconds: 7 }\n")
        .config();
    assert_eq!(config.kalshi.book_poll_seconds, 7);
    assert_eq!(config.kalshi.max_retries, 3);
}

#[rstest]
#[case("", "demo", "", "wss://demo-api.kalshi.co/trade-api/ws/v2")]
#[case("", "production", "", "wss://api.elections.kalshi.com/trade-api/ws/v2")]
#[case(
    "https://external-api.kalshi.com/trade-api/v2",
    "production",
    "",
    "wss://external-api-ws.kalshi.com/trade-api/ws/v2"
)]
#[case(
    "http://127.0.0.1:8080/trade-api/v2/",
    "demo",
    "",
    "ws://127.0.0.1:8080/trade-api/ws/v2"
)]
#[case(
    "http://127.0.0.1:8080/trade-api/v2",
    "demo",
    "ws://localhost:9/x",
    "ws://localhost:9/x"
)]
fn the_stream_is_on_the_host_of_the_rest_address_unless_said(
    #[case] base: &str,
    #[case] environment: &str,
    #[case] stream: &str,
    #[case] expected: &str,
) {
    let text =
        format!("kalshi: {{ base_url: '{base}', environment: {environment}, websocket_url: '{stream}' }}\n");
    let config = Setup::new().file("config/base.yaml", &text).config();
    assert_eq!(config.kalshi.effective_websocket_url(), expected);
}

/// Each layer sets the log level; the highest one that is there wins.
#[test]
fn precedence_is_flag_then_environment_then_dotenv_then_files() {
    let mut setup = Setup::new().file("config/base.yaml", "logging: { level: error }\n");
    assert_eq!(setup.config().logging.level, LogLevel::Error);
    for (name, level) in [
        ("config/paper.yaml", LogLevel::Warn),
        ("config/strategies/a.yaml", LogLevel::Info),
        ("config/risk.yaml", LogLevel::Debug),
        ("config/signal_sources/a.yaml", LogLevel::Trace),
    ] {
        setup = setup.file(name, &format!("logging: {{ level: {level} }}\n"));
        assert_eq!(setup.config().logging.level, level, "{name}");
    }
    setup = setup.file(".env", "AUTOTRADER__LOGGING__LEVEL=Error\n");
    assert_eq!(setup.config().logging.level, LogLevel::Error);
    setup = setup.variable("AUTOTRADER__LOGGING__LEVEL", "WARNING");
    assert_eq!(setup.config().logging.level, LogLevel::Warn);
    setup = setup.variable("AUTOTRADER__KALSHI__EXECUTION_MODE", "live");
    setup.flag = Some(ExecutionMode::Paper);
    assert_eq!(setup.config().kalshi.execution_mode, ExecutionMode::Paper);
    assert_eq!(
        setup.config().database.url,
        "sqlite:///autotrader_paper.db",
        "the flag chose the overlay"
    );
}

#[test]
fn single_figures_of_the_board_walk_can_be_set() {
    let built_in = Setup::new().config().leaderboard_alpha.board_walk;
    let config = Setup::new()
        .file(
            "config/base.yaml",
            "leaderboard_alpha: { board_walk: { prior: { contenders: { Google: 0 } } } }\n",
        )
        .variable("AUTOTRADER__LEADERBOARD_ALPHA__BOARD_WALK__REFRESH_DAYS", "5")
        .variable(
            "AUTOTRADER__LEADERBOARD_ALPHA__BOARD_WALK__PRIOR__AS_OF",
            "2026-05-01T00:00:00Z",
        )
        .config()
        .leaderboard_alpha
        .board_walk;
    assert!((config.refresh_days - 5.0).abs() < f64::EPSILON);
    assert!((config.votes_per_day - built_in.votes_per_day).abs() < f64::EPSILON);
    assert_eq!(config.prior.as_of.to_rfc3339(), "2026-05-01T00:00:00+00:00");
    assert!(config.prior.contenders["Google"].abs() < f64::EPSILON);
    assert_eq!(config.prior.contenders.len(), built_in.prior.contenders.len());
}

#[test]
fn ids_that_look_like_numbers_stay_text() {
    let config = Setup::new()
        .variable("AUTOTRADER__KALSHI__API_KEY_ID", "0123")
        .variable("AUTOTRADER__KALSHI__PAPER_BALANCE", "250.10")
        .config();
    assert_eq!(config.kalshi.api_key_id, "0123");
    assert_eq!(config.kalshi.paper_balance.to_string(), "250.100000");
}

#[rstest]
#[case(
    "config/base.yaml",
    "kalshi: { typo: 1 }",
    "/config/base.yaml: kalshi.typo: unknown field"
)]
#[case("config/base.yaml", "kalshi: [", "/config/base.yaml: ")]
#[case(
    "config/base.yaml",
    "kalshi: { max_retries: many }",
    "/config/base.yaml: kalshi.max_retries: "
)]
#[case(
    "config/risk.yaml",
    "risk: { global: { max_daily_loss_pct: 5 } }",
    "risk.global.max_daily_loss_pct: 5 is not a share"
)]
#[case(
    "config/paper.yaml",
    "kalshi: { execution_mode: paper }",
    "/config/paper.yaml: kalshi.execution_mode: an overlay may not set it"
)]
#[case(
    "config/base.yaml",
    "database: { url: 'mysql://x' }",
    "database.url: `mysql://x` is not sqlite:///"
)]
#[case(
    "config/base.yaml",
    "kalshi: { base_url: 'http://example.com' }",
    "kalshi.base_url: `http://example.com` must be https"
)]
#[case(
    "config/base.yaml",
    "kalshi: { websocket_url: 'ws://example.com' }",
    "kalshi.websocket_url: `ws://example.com` must be wss"
)]
#[case(
    "config/base.yaml",
    "discord: { enabled: true }",
    "discord.webhook_url: is empty"
)]
#[case(
    "config/base.yaml",
    "risk: { global: { halt_file: '' } }",
    "risk.global.halt_file: is empty"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { estimator: luck }",
    "/config/base.yaml: leaderboard_alpha.estimator: `luck` is not one of"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { min_edge_after_fees_cents: 0 }",
    "0 is not between 1 and 50"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { order_lifetime_minutes: 1 }",
    "leaderboard_alpha.order_lifetime_minutes: 1 is not between 2 and 60"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { entry_style: wait }",
    "leaderboard_alpha.entry_style"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { entry_style: rest, reprice_step_cents: 3 }",
    "leaderboard_alpha.reprice_step_cents: is not below leaderboard_alpha.min_edge_after_fees_cents"
)]
#[case(
    "config/strategies/a.yaml",
    "leaderboard_alpha: { board_walk: { refresh_days: 0 } }",
    "/config/strategies/a.yaml: leaderboard_alpha.board_walk.refresh_days: 0 is not between 0.01 and 1000"
)]
#[case(
    "config/strategies/a.yaml",
    "leaderboard_alpha: { board_walk: { votes_per_day: 1e9 } }",
    "leaderboard_alpha.board_walk.votes_per_day: 1000000000 is not between"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { min_mid_sum: 1.2 }",
    "/config/base.yaml: leaderboard_alpha.min_mid_sum: is above leaderboard_alpha.max_mid_sum"
)]
#[case(
    "config/base.yaml",
    "leaderboard_alpha: { favourite_price: 85 }",
    "leaderboard_alpha.favourite_price: 85 is not a share"
)]
#[case(
    "config/strategies/a.yaml",
    "leaderboard_alpha: { board_walk: { luck: 1 } }",
    "/config/strategies/a.yaml: leaderboard_alpha.board_walk.luck: unknown field"
)]
#[case(
    "config/strategies/a.yaml",
    "leaderboard_alpha: { board_walk: { prior: { contenders: { Google: -1 } } } }",
    "leaderboard_alpha.board_walk.prior.contenders: `Google`: -1 is not between 0 and 10000"
)]
#[case(
    "config/strategies/a.yaml",
    "leaderboard_alpha: { board_walk: { prior: { as_of: yesterday } } }",
    "leaderboard_alpha.board_walk.prior.as_of"
)]
fn bad_files_get_one_line_with_place_and_key(#[case] name: &str, #[case] text: &str, #[case] expected: &str) {
    let mut setup = Setup::new();
    if name != "config/base.yaml" {
        setup = setup.file("config/base.yaml", "{}\n");
    }
    let message = setup.file(name, text).refused();
    assert!(message.contains(expected), "{message}");
}

#[rstest]
#[case(
    "AUTOTRADER__KALSHI__TYPO",
    "1",
    "AUTOTRADER__KALSHI__TYPO: kalshi.typo: unknown field"
)]
#[case(
    "AUTOTRADER__KALSI__ENVIRONMENT",
    "demo",
    "AUTOTRADER__KALSI__ENVIRONMENT: kalsi: unknown field"
)]
#[case(
    "AUTOTRADER__KALSHI__ENVIRONMENT",
    "moon",
    "AUTOTRADER__KALSHI__ENVIRONMENT: kalshi.environment: "
)]
#[case(
    "AUTOTRADER__KALSHI__EXECUTION_MODE",
    "dry",
    "AUTOTRADER__KALSHI__EXECUTION_MODE: kalshi.execution_mode: "
)]
#[case("AUTOTRADER__LOGGING__LEVEL", "loud", "`loud` is not one of")]
#[case(
    "AUTOTRADER__ARENA_MONITOR__POLL_INTERVAL_SECONDS",
    "0",
    "AUTOTRADER__ARENA_MONITOR__POLL_INTERVAL_SECONDS: "
)]
fn bad_variables_are_named(#[case] name: &str, #[case] value: &str, #[case] expected: &str) {
    let message = Setup::new().variable(name, value).refused();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_named_directory_must_be_there() {
    let mut request = Setup::new().request();
    request.directory = Some(request.working_directory.join("nowhere"));
    let message = load(&request).unwrap_err().to_string();
    assert!(message.contains("nowhere/base.yaml: not found"), "{message}");
}

#[test]
fn live_needs_a_key() {
    let mut setup = Setup::new();
    setup.flag = Some(ExecutionMode::Live);
    assert!(setup.refused().contains("live mode needs a key"));
    let setup = setup
        .variable("AUTOTRADER__KALSHI__API_KEY_ID", "id")
        .variable("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem");
    assert!(setup.refused().contains("/key.pem: cannot be read"));
    let setup = setup.file("key.pem", "not a key, only a file");
    assert_eq!(setup.config().database.url, "sqlite:///autotrader_live.db");
    protect(&setup.directory.path().join("key.pem"), 0o644);
    assert!(
        setup
            .refused()
            .contains("/key.pem: is readable by others (mode 644); run chmod 600")
    );
}

#[test]
fn paper_only_warns_about_keys() {
    let setup = Setup::new().file(
        ".env",
        "AUTOTRADER__KALSHI__API_KEY_ID=id\nAUTOTRADER__KALSHI__PRIVATE_KEY_PATH=/nowhere/key.pem\n",
    );
    protect(&setup.directory.path().join(".env"), 0o644);
    let warnings = load(&setup.request()).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn a_broken_dotenv_names_the_place_and_not_the_value() {
    let text =
        "AUTOTRADER__LOGGING__LEVEL=info\nAUTOTRADER__DISCORD__WEBHOOK_URL=https://x/tell-nobody a b\n";
    let message = Setup::new().file(".env", text).refused();
    assert!(
        message.contains("after AUTOTRADER__LOGGING__LEVEL cannot be read"),
        "{message}"
    );
    assert!(!message.contains("tell-nobody"), "{message}");
}

#[test]
fn secrets_never_print() {
    let config = Setup::new()
        .variable(
            "AUTOTRADER__DISCORD__WEBHOOK_URL",
            "https://discord.com/api/webhooks/1/tell-nobody",
        )
        .config();
    assert!(!format!("{config:?}").contains("tell-nobody"));
}

/// A live setup beyond this machine with a key, and whatever else is said.
fn live(said: &[(&str, &str)]) -> Setup {
    let mut setup = Setup::new()
        .file("key.pem", "not a key, only a file")
        .variable("AUTOTRADER__KALSHI__API_KEY_ID", "id")
        .variable("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem");
    setup.flag = Some(ExecutionMode::Live);
    for (name, value) in said {
        setup = setup.variable(name, value);
    }
    setup
}

const CONFIRMED: (&str, &str) = ("AUTOTRADER__KALSHI__LIVE_CONFIRMED", "true");
const OVERRIDE: (&str, &str) = ("AUTOTRADER__RISK__LIVE_OVERRIDE", "first day with one contract");
const MACHINE: (&str, &str) = ("AUTOTRADER__KALSHI__BASE_URL", "http://127.0.0.1:1/trade-api/v2");
const STREAM: (&str, &str) = (
    "AUTOTRADER__KALSHI__WEBSOCKET_URL",
    "wss://demo-api.kalshi.co/trade-api/ws/v2",
);
const PRODUCTION: (&str, &str) = ("AUTOTRADER__KALSHI__ENVIRONMENT", "production");

#[rstest]
#[case::nothing_said(&[], false, &["kalshi.live_confirmed", "risk.live_override"])]
#[case::production(&[PRODUCTION], false, &["kalshi.live_confirmed", "risk.live_override"])]
#[case::checklist(&[], true, &["kalshi.live_confirmed"])]
#[case::confirmed(&[CONFIRMED], false, &["risk.live_override"])]
#[case::overridden(&[OVERRIDE], false, &["kalshi.live_confirmed"])]
#[case::blank_reason(&[CONFIRMED, ("AUTOTRADER__RISK__LIVE_OVERRIDE", "   ")], false, &["risk.live_override"])]
#[case::both(&[CONFIRMED, OVERRIDE], false, &[])]
#[case::confirmed_with_checklist(&[CONFIRMED], true, &[])]
#[case::both_in_production(&[PRODUCTION, CONFIRMED, OVERRIDE], false, &[])]
#[case::this_machine(&[MACHINE], false, &[])]
#[case::this_machine_in_production(&[PRODUCTION, MACHINE], false, &[])]
#[case::stream_elsewhere(&[MACHINE, STREAM], false, &["kalshi.live_confirmed", "risk.live_override"])]
#[case::stream_elsewhere_unused(
    &[MACHINE, STREAM, ("AUTOTRADER__KALSHI__WEBSOCKET_ENABLED", "false")], false, &[]
)]
fn each_thing_that_live_lacks_is_named_with_its_key(
    #[case] said: &[(&str, &str)],
    #[case] checklist_passed: bool,
    #[case] keys: &[&str],
) {
    let lacking = live(said).config().lacking_for_live(checklist_passed);
    assert_eq!(lacking.len(), keys.len(), "{lacking:?}");
    for (sentence, key) in lacking.iter().zip(keys) {
        assert!(sentence.contains(key) && sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn live_without_a_key_hears_at_once_what_else_is_missing() {
    let mut setup = Setup::new();
    setup.flag = Some(ExecutionMode::Live);
    let message = setup.refused();
    for key in [
        "kalshi.api_key_id is empty",
        "kalshi.private_key_path is empty",
        "kalshi.live_confirmed is not true",
        "risk.live_override is empty",
    ] {
        assert!(message.contains(key), "{key} in {message}");
    }
    let paper = Setup::new().config();
    assert_eq!(
        paper.lacking_for_live(false).len(),
        4,
        "paper says what live would lack"
    );
}

#[test]
fn the_reason_for_an_override_is_one_line() {
    for (reason, sound) in [
        ("first week, one contract at a time", true),
        ("two\nlines", false),
        ("a\u{1b}[2Jb", false),
    ] {
        let setup = live(&[("AUTOTRADER__RISK__LIVE_OVERRIDE", reason)]);
        if sound {
            assert_eq!(setup.config().live_override(), Some(reason));
        } else {
            assert!(setup.refused().contains("risk.live_override"));
        }
    }
}
