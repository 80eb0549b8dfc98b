//! When live execution may begin: refusals beyond this machine, all four combinations on it, and another key of an account.
//!
//! Nothing here may reach an outside host: every run beyond this machine is refused before it connects.

use std::process::Command;

use rstest::rstest;

use crate::place::Place;
use crate::process::{Deadline, Running, SHORT, finish};

fn with_key<'a>(place: &Place, command: &'a mut Command, key_id: &str) -> &'a mut Command {
    place.write("key.pem", "never read: everything is refused before");
    command
        .env("AUTOTRADER__KALSHI__API_KEY_ID", key_id)
        .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem")
}

const CONFIRMED: (&str, &str) = ("AUTOTRADER__KALSHI__LIVE_CONFIRMED", "true");
const OVERRIDE: (&str, &str) = ("AUTOTRADER__RISK__LIVE_OVERRIDE", "first week");

#[rstest]
#[case::nothing_said(&[], &["kalshi.live_confirmed", "risk.live_override"])]
#[case::production(
    &[("AUTOTRADER__KALSHI__ENVIRONMENT", "production")],
    &["kalshi.live_confirmed", "risk.live_override"],
)]
#[case::only_confirmed(&[CONFIRMED], &["risk.live_override", "checklist"])]
#[case::only_overridden(&[OVERRIDE], &["kalshi.live_confirmed"])]
#[case::look_alike(
    &[CONFIRMED, OVERRIDE, ("AUTOTRADER__KALSHI__BASE_URL", "https://127.0.0.1.evil.com/trade-api/v2")],
    &["127.0.0.1.evil.com", "not a documented host"],
)]
#[case::other_environment(
    &[CONFIRMED, OVERRIDE, ("AUTOTRADER__KALSHI__BASE_URL", "https://api.elections.kalshi.com/trade-api/v2")],
    &["api.elections.kalshi.com", "demo environment"],
)]
#[case::other_port(
    &[CONFIRMED, OVERRIDE, ("AUTOTRADER__KALSHI__BASE_URL", "https://demo-api.kalshi.co:8443/trade-api/v2")],
    &["port 443"],
)]
#[case::stream_elsewhere(
    &[
        ("AUTOTRADER__KALSHI__BASE_URL", "http://127.0.0.1:1/trade-api/v2"),
        ("AUTOTRADER__KALSHI__WEBSOCKET_URL", "wss://demo-api.kalshi.co/trade-api/ws/v2"),
    ],
    &["kalshi.live_confirmed", "risk.live_override"],
)]
fn a_live_run_beyond_this_machine_is_refused_with_everything_it_lacks(
    #[case] said: &[(&str, &str)],
    #[case] named: &[&str],
) {
    let place = Place::new();
    let mut command = place.autotrader(&["run", "--execution-mode", "live"]);
    let finished = finish(
        with_key(&place, &mut command, "some-id").envs(said.iter().copied()),
        SHORT,
    );
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let line = finished.stderr.lines().last().unwrap();
    for part in named.iter().chain([&"limited to this machine"]) {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(finished.stderr.contains("live_execution_refused"));
    assert!(!finished.stderr.contains("kalshi_client_connected"));
}

#[test]
fn validate_config_says_whether_live_would_be_allowed() {
    let place = Place::new();
    let told = |said: &[(&str, &str)], key: bool| {
        let mut command = place.autotrader(&["validate-config", "--json"]);
        if key {
            // Paper goes on without a readable key, and so does this command.
            with_key(&place, &mut command, "some-id");
        }
        let json = finish(command.envs(said.iter().copied()), SHORT)
            .succeeded()
            .json();
        let because = json["live_refused_because"].as_array().unwrap().clone();
        (json["live_allowed"].as_bool().unwrap(), because.len())
    };
    assert_eq!(told(&[], false), (false, 4));
    assert_eq!(told(&[], true), (false, 2));
    assert_eq!(told(&[CONFIRMED], true), (false, 1));
    assert_eq!(told(&[CONFIRMED, OVERRIDE], true), (true, 0));
    assert_eq!(
        told(
            &[
                CONFIRMED,
                OVERRIDE,
                ("AUTOTRADER__KALSHI__ENVIRONMENT", "production")
            ],
            true
        ),
        (true, 0)
    );
    assert_eq!(
        told(
            &[("AUTOTRADER__KALSHI__BASE_URL", "http://127.0.0.1:1/trade-api/v2")],
            true
        ),
        (true, 0)
    );
    let text = place.run(&["validate-config"]).succeeded().stdout;
    for key in [
        "live_allowed",
        "kalshi.live_confirmed",
        "risk.live_override",
        "kalshi.api_key_id",
    ] {
        assert!(text.contains(key), "{key} in {text}");
    }
}

#[rstest]
#[case::demo_paper("demo", "paper")]
#[case::demo_live("demo", "live")]
#[case::production_paper("production", "paper")]
#[case::production_live("production", "live")]
fn every_environment_runs_in_every_mode(#[case] environment: &str, #[case] mode: &str) {
    let place = Place::new();
    let arguments = [
        "simulate",
        "--listen",
        "127.0.0.1:0",
        "--seed",
        "3",
        "--key-dir",
        "keys",
    ];
    let mut simulator = Running::start(&mut place.autotrader(&arguments));
    let line = simulator.until("{", Deadline::after(SHORT));
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let ready = |key: &str| ready[key].as_str().unwrap().to_owned();
    let mut command = place.autotrader(&["run", "--execution-mode", mode]);
    crate::live::pointed_at(&mut command, &ready("base_url"), &ready("leaderboard_url"));
    command
        .env("AUTOTRADER__KALSHI__ENVIRONMENT", environment)
        .env("AUTOTRADER__KALSHI__API_KEY_ID", ready("key_id"))
        .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", ready("private_key_path"))
        .env("AUTOTRADER__LOGGING__JSON_OUTPUT", "true");
    let mut run = Running::start(&mut command);
    let resolved = run.until("runtime_mode_resolved", Deadline::after(SHORT));
    let resolved: serde_json::Value = serde_json::from_str(&resolved).unwrap();
    let fields = resolved.get("fields").unwrap_or(&resolved);
    assert_eq!(fields["mode"], environment);
    assert_eq!(fields["execution_mode"], mode);
    assert_eq!(fields["api_base_url"], ready("base_url").as_str());
    run.until("position_reconciliation_ok", Deadline::after(SHORT));
    run.terminate();
    assert_eq!(run.end(SHORT).code, Some(0));
    let database = place.work().join(format!("autotrader_{mode}.db"));
    assert!(database.is_file(), "{}", database.display());
}

#[test]
fn a_live_database_goes_to_another_key_only_when_told_so() {
    let place = Place::new();
    let with = |arguments: &[&str], key_id: &str| {
        let mut command = place.autotrader(arguments);
        finish(with_key(&place, &mut command, key_id), SHORT)
    };
    let live = ["init-db", "--execution-mode", "live"];
    let adopting = |key| [&live[..], &["--adopt-key", key]].concat();
    let early = with(&adopting("old"), "new");
    assert!(early.refused(1).contains("does not exist"), "{}", early.stderr);
    with(&live, "old").succeeded();
    let refused = with(&live, "new");
    assert!(refused.refused(1).contains("--adopt-key"), "{}", refused.stderr);
    let wrong = with(&adopting("another"), "new");
    assert!(wrong.refused(1).contains("belongs to"), "{}", wrong.stderr);
    let adopted = with(&adopting("old"), "new").succeeded();
    assert!(adopted.stdout.contains("`new`"), "{}", adopted.stdout);
    with(&live, "new").succeeded();
    assert!(with(&live, "old").refused(1).contains("belongs to"));
    let paper = place.run(&["init-db", "--adopt-key", "old"]);
    assert!(
        paper.refused(1).contains("--execution-mode live"),
        "{}",
        paper.stderr
    );
}
