//! `validate-config`, `init-db`, and whom a database belongs to.

use std::fs;
use std::process::Command;

use rstest::rstest;

use crate::place::{Place, mode};
use crate::process::{SHORT, finish};

/// The committed configuration, as a working directory has it.
fn with_committed_configuration(place: &Place) {
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
    for name in [
        "base.yaml",
        "paper.yaml",
        "live.yaml",
        "risk.yaml",
        "strategies/leaderboard_alpha.yaml",
        "signal_sources/arena_monitor.yaml",
    ] {
        place.write(
            &format!("config/{name}"),
            fs::read(format!("{from}/{name}")).unwrap(),
        );
    }
}

#[test]
fn the_committed_configuration_is_valid_and_equals_the_built_in_one() {
    let built_in = Place::new()
        .run(&["validate-config", "--json"])
        .succeeded()
        .json();
    let place = Place::new();
    with_committed_configuration(&place);
    let committed = place.run(&["validate-config", "--json"]).succeeded().json();
    assert_eq!(built_in, committed);
    assert_eq!(committed["environment"], "demo");
    assert_eq!(committed["execution_mode"], "paper");
    assert_eq!(committed["base_url"], "https://demo-api.kalshi.co/trade-api/v2");
    assert_eq!(committed["database_url"], "sqlite:///autotrader_paper.db");
    assert_eq!(committed["poll_interval_seconds"], 30);
    assert_eq!(committed["limits"]["max_order_contracts"], 100);
    assert_eq!(committed["strategy"]["estimator"], "board_walk");
    assert_eq!(committed["board_walk"]["refresh_days"], 3.5);
    let text = place.run(&["validate-config"]).succeeded().stdout;
    for word in [
        "paper",
        "board_walk.refresh_days",
        "board_walk.prior.contenders.Google",
        "strategy.kelly_fraction",
        "demo-api.kalshi.co",
        "autotrader_paper.db",
        "max_drawdown",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[rstest]
#[case::unknown_key("config/base.yaml", "kalshi: { typo: 1 }", &["base.yaml", "kalshi.typo"])]
#[case::unknown_section("config/risk.yaml", "risks: {}", &["risk.yaml", "risks"])]
#[case::bad_yaml("config/strategies/a.yaml", "leaderboard_alpha: [", &["strategies/a.yaml"])]
#[case::tab_in_yaml("config/base.yaml", "kalshi:\n\tmax_retries: 1\n", &["base.yaml"])]
#[case::wrong_type("config/base.yaml", "kalshi: { max_retries: many }", &["base.yaml", "kalshi.max_retries"])]
#[case::out_of_range("config/risk.yaml", "risk: { global: { max_daily_loss_pct: 5 } }", &["risk.yaml", "risk.global.max_daily_loss_pct"])]
#[case::mode_in_overlay("config/paper.yaml", "kalshi: { execution_mode: live }", &["paper.yaml", "kalshi.execution_mode"])]
fn a_bad_file_gets_one_line_with_its_name_and_the_key(
    #[case] name: &str,
    #[case] text: &str,
    #[case] expected: &[&str],
) {
    let place = Place::new();
    place.write("config/base.yaml", "{}\n");
    place.write(name, text);
    // Every command that loads a configuration says the same.
    for command in ["validate-config", "init-db", "run", "positions"] {
        let finished = place.run(&[command]);
        let line = finished.refused(1);
        for part in expected {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

#[rstest]
#[case("AUTOTRADER__KALSHI__TYPO", "1", "kalshi.typo")]
#[case(
    "AUTOTRADER__ARENA_MONITOR__POLL_INTERVAL_SECONDS",
    "0",
    "poll_interval_seconds"
)]
#[case("AUTOTRADER__KALSHI__ENVIRONMENT", "moon", "kalshi.environment")]
#[case("AUTOTRADER__KALSHI__BASE_URL", "http://example.com", "kalshi.base_url")]
#[case("AUTOTRADER__DATABASE__URL", "mysql://x", "database.url")]
#[case("AUTOTRADER__KALSHI__EXECUTION_MODE", "dry", "kalshi.execution_mode")]
fn a_bad_variable_is_named(#[case] name: &str, #[case] value: &str, #[case] key: &str) {
    let place = Place::new();
    let finished = finish(place.autotrader(&["validate-config"]).env(name, value), SHORT);
    let line = finished.refused(1);
    assert!(line.contains(key) && line.contains(name), "{line}");
}

#[test]
fn an_unknown_estimator_is_named() {
    let place = Place::new();
    let name = "AUTOTRADER__LEADERBOARD_ALPHA__ESTIMATOR";
    for command in ["validate-config", "run"] {
        let finished = finish(place.autotrader(&[command]).env(name, "coin"), SHORT);
        assert_eq!(finished.code, Some(1));
        let line = finished.stderr.lines().last().unwrap();
        assert!(
            line.contains("leaderboard_alpha.estimator") && line.contains("`coin`"),
            "{line}"
        );
    }
}

#[test]
fn live_needs_a_key_that_only_its_owner_reads() {
    let place = Place::new();
    let live = |key: Option<&str>| {
        let mut command: Command = place.autotrader(&["validate-config", "--execution-mode", "live"]);
        if let Some(key) = key {
            command
                .env("AUTOTRADER__KALSHI__API_KEY_ID", "some-id")
                .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", key);
        }
        finish(&mut command, SHORT)
    };
    assert!(live(None).refused(1).contains("live mode needs a key"));
    assert!(live(Some("absent.pem")).refused(1).contains("absent.pem"));
    let path = place.write(
        "key.pem",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
    );
    mode(&path, 0o644);
    let finished = live(Some("key.pem"));
    let line = finished.refused(1);
    assert!(line.contains("key.pem") && line.contains("chmod 600"), "{line}");
}

#[test]
fn secrets_are_not_printed() {
    let place = Place::new();
    let finished = finish(
        place.autotrader(&["validate-config", "--json"]).env(
            "AUTOTRADER__DISCORD__WEBHOOK_URL",
            "https://discord.com/api/webhooks/1/tell-nobody",
        ),
        SHORT,
    )
    .succeeded();
    assert!(!finished.stdout.contains("tell-nobody") && !finished.stderr.contains("tell-nobody"));
}

#[test]
fn init_db_makes_a_database_and_can_be_repeated() {
    let place = Place::new();
    let missing = place.run(&["positions"]);
    assert!(missing.refused(1).contains("init-db"));
    for command in ["init-db", "init-db-cmd"] {
        place.run(&[command]).succeeded();
    }
    assert!(place.work().join("autotrader_paper.db").is_file());
    let empty = place.run(&["positions", "--json"]).succeeded().json();
    assert_eq!(empty["positions"].as_array().unwrap().len(), 0);
    for command in ["status", "orders", "fills", "signals", "pnl"] {
        place.run(&[command]).succeeded();
        place.run(&[command, "--json"]).succeeded().json();
    }
    let unknown = place.run(&["why", "KXTOPMODEL-26NOV24-ABCD"]);
    assert!(unknown.refused(2).contains("KXTOPMODEL-26NOV24-ABCD"));
}

#[test]
fn live_is_limited_to_this_machine() {
    let place = Place::new();
    place.write("key.pem", "refused before the key is used");
    let finished = finish(
        place
            .autotrader(&["run", "--execution-mode", "live"])
            .env("AUTOTRADER__KALSHI__API_KEY_ID", "some-id")
            .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem")
            .env(
                "AUTOTRADER__KALSHI__BASE_URL",
                "https://127.0.0.1.example.com/trade-api/v2",
            ),
        SHORT,
    );
    assert_eq!(finished.code, Some(1));
    let line = finished.stderr.lines().last().unwrap();
    assert!(line.contains("limited to this machine"), "{line}");
}

#[test]
fn a_database_belongs_to_one_mode() {
    let place = Place::new();
    let with = |arguments: &[&str]| {
        finish(
            place
                .autotrader(arguments)
                .env("AUTOTRADER__DATABASE__URL", "sqlite:///one.db")
                .env("AUTOTRADER__KALSHI__API_KEY_ID", "some-id")
                .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem"),
            SHORT,
        )
    };
    place.write("key.pem", "the database is opened before the key is used");
    with(&["init-db"]).succeeded();
    for command in ["init-db", "run"] {
        let finished = with(&[command, "--execution-mode", "live"]);
        assert_eq!(finished.code, Some(1));
        let line = finished.stderr.lines().last().unwrap();
        assert!(line.contains("one.db belongs to paper"), "{line}");
    }
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let place = Place::new();
    let path = place.write(
        "autotrader_paper.db",
        "a letter to a friend, longer than a header of SQLite is",
    );
    let before = fs::read(&path).unwrap();
    for command in ["init-db", "positions"] {
        assert!(place.run(&[command]).refused(1).contains("autotrader_paper.db"));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}
