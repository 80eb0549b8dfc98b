//! What a person decides about names and texts, in a process of its own, while `run` runs and while nothing does.

use std::time::Duration;

use autotrader_domain::ApprovalDecision;
use autotrader_state::History;
use autotrader_strategy::mapping::names::suggest;
use serde_json::{Value, json};

use crate::captures::capture;
use crate::live::{Stage, TRADES_WITHIN, drains};
use crate::process::{Deadline, Finished, Running, SHORT, finish};

/// How long a change at the exchange may take to be seen: markets are listed anew once a minute.
const SEEN_WITHIN: Duration = Duration::from_secs(150);

fn ask(stage: &Stage, arguments: &[&str]) -> Finished {
    finish(&mut stage.autotrader(arguments), SHORT)
}

/// A run whose database is ready and that has read a page.
fn started(stage: &Stage) -> Running {
    let mut run = stage.run();
    run.until("arena_leaderboard_fetched", Deadline::after(SHORT));
    run
}

/// What `map` says of the contracts.
fn contracts(stage: &Stage) -> Vec<Value> {
    let map = ask(stage, &["map", "--json"]).succeeded().json();
    map["markets"].as_array().unwrap().clone()
}

fn contract(stage: &Stage, ticker: &str) -> Value {
    let all = contracts(stage);
    let found = all.iter().find(|line| line["ticker"] == ticker);
    found.unwrap_or_else(|| panic!("{ticker}: {all:?}")).clone()
}

fn of_series(all: &[Value], series: &str) -> Vec<Value> {
    let own = all.iter().filter(|line| line["series"] == series);
    own.cloned().collect()
}

/// What the running process wrote down last of why a contract is not entered.
fn reason(stage: &Stage, ticker: &str) -> Option<Value> {
    let why = ask(stage, &["why", ticker, "--json"]);
    (why.code == Some(0)).then(|| why.json()["latest"]["reason"].clone())
}

/// Waits, line by line of the log, until something holds.
#[track_caller]
fn wait_until(run: &mut Running, what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let deadline = Deadline::after(limit);
    while !holds() {
        // A page is read every second.
        for _ in 0..2 {
            assert!(run.next_line(deadline).is_some(), "the run ended before {what}");
        }
    }
}

#[test]
fn an_unknown_text_is_not_traded_until_a_person_has_read_it_and_frozen_when_it_is_revoked() {
    let stage = Stage::set("61", false);
    let mut run = started(&stage);
    let all = contracts(&stage);
    let lab = of_series(&all, "KXLLM1")[0]["ticker"]
        .as_str()
        .unwrap()
        .to_owned();
    wait_until(&mut run, "a decision", SEEN_WITHIN, || {
        reason(&stage, &lab) == Some(json!("rules_unknown"))
    });
    let labs_ordered = || {
        let orders = stage.look("orders");
        orders
            .iter()
            .filter(|order| order["intent"]["ticker"].as_str().unwrap().starts_with("KXLLM1"))
            .count()
    };
    assert_eq!(labs_ordered(), 0);

    // Who is to decide is shown the text and who wins today under each rule set.
    let review = ask(&stage, &["map", "review", "--json"]).succeeded().json();
    let waiting = review["rules"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "{review}");
    assert_eq!(waiting[0]["series"], "KXLLM1");
    let command = waiting[0]["command"].as_str().unwrap();
    assert!(
        command.starts_with("autotrader map rules approve KXLLM1 RULESET --text "),
        "{command}"
    );
    let readings = waiting[0]["readings"].as_array().unwrap();
    assert_eq!(readings.len(), 6, "three rules at two precisions");
    assert!(
        readings
            .iter()
            .all(|reading| reading["model_name"].is_string() || reading["outcome"] != "sole")
    );
    let shown = ask(&stage, &["map", "rules"]).succeeded().stdout;
    for words in ["not approved", "approved as v1:cascade:full", "wins today"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    let wrong = ask(&stage, &["map", "rules", "approve", "KXLLM1", "oldest_first"]);
    assert!(wrong.refused(2).contains("RULESET"));
    let approved = ask(
        &stage,
        &[
            "map",
            "rules",
            "approve",
            "KXLLM1",
            "cascade",
            "--by",
            "an operator",
            "--json",
        ],
    )
    .succeeded()
    .json();
    assert_eq!(approved["stage"], "confirmed", "{approved}");
    assert!(
        approved["outcome"].as_str().unwrap().contains("may be entered"),
        "{approved}"
    );
    let labs = of_series(&contracts(&stage), "KXLLM1");
    assert!(labs.iter().all(|line| line["may_enter"] == true), "{labs:?}");
    wait_until(&mut run, "an order on a lab", TRADES_WITHIN, || {
        labs_ordered() > 0
    });
    wait_until(&mut run, "an explained price", TRADES_WITHIN, || {
        let why = ask(&stage, &["why", &lab, "--json"]).succeeded().json();
        let forecast = &why["forecast"];
        forecast["estimator"] == "board_walk"
            && forecast["drivers"]["leader"].is_string()
            && forecast["baselines"].as_array().is_some_and(|all| all.len() == 3)
    });
    let again = ask(&stage, &["map", "rules", "approve", "KXLLM1", "cascade"]);
    assert!(again.refused(1).contains("nothing to approve"));

    // A restart does not forget.
    drains(run);
    let mut run = started(&stage);
    assert_ne!(reason(&stage, &lab), Some(json!("rules_unknown")));
    let hash = waiting[0]["hash"].as_str().unwrap();
    let revoked = ask(
        &stage,
        &["map", "rules", "revoke", "KXLLM1", "--text", &hash[..8], "--json"],
    )
    .succeeded()
    .json();
    assert!(
        revoked["outcome"].as_str().unwrap().starts_with("0 of "),
        "{revoked}"
    );
    wait_until(&mut run, "the freeze", SEEN_WITHIN, || {
        reason(&stage, &lab) == Some(json!("rules_unknown"))
    });
    drains(run);

    let status = ask(&stage, &["status", "--json"]).succeeded().json();
    assert_eq!(status["approvals"]["count"], 2, "{status}");
    assert_eq!(
        status["approvals"]["last"]["decision"], "rules_revoked",
        "{status}"
    );
    let decided = history(&stage).approvals().unwrap();
    let kinds: Vec<&str> = decided.iter().map(|approval| approval.decision.kind()).collect();
    assert_eq!(kinds, ["rules", "rules_revoked"]);
    assert_eq!(decided[0].by, "an operator");
    assert!(decided[1].by.starts_with("command line"), "{}", decided[1].by);
    stage.stop();
}

fn history(stage: &Stage) -> History {
    let path = stage.place.work().join("first.db");
    History::open(&format!("sqlite:///{}", path.display())).unwrap()
}

#[test]
fn a_renamed_contract_is_frozen_until_a_person_says_what_it_pays_on() {
    let stage = Stage::set("62", false);
    let mut run = started(&stage);
    let models = of_series(&contracts(&stage), "KXTOPMODEL");
    // The last one listed leads in no turn.
    let (ticker, slug) = {
        let last = models.last().unwrap();
        (
            last["ticker"].as_str().unwrap().to_owned(),
            last["claim"]["model_name"].as_str().unwrap().to_owned(),
        )
    };
    wait_until(&mut run, "a decision", SEEN_WITHIN, || {
        reason(&stage, &ticker).is_some()
    });
    assert_ne!(reason(&stage, &ticker), Some(json!("renamed")));
    let renamed = format!("{slug}-high");
    stage.admin(
        "rename_model",
        &json!({ "name": slug, "to": renamed }).to_string(),
    );
    wait_until(&mut run, "the freeze", SEEN_WITHIN, || {
        reason(&stage, &ticker) == Some(json!("renamed"))
    });

    let line = contract(&stage, &ticker);
    assert_eq!(
        (&line["state"], &line["may_enter"]),
        (&json!("renamed"), &json!(false))
    );
    let review = ask(&stage, &["map", "review", "--json"]).succeeded().json();
    let items = review["review"].as_array().unwrap();
    let item = items.iter().find(|item| item["ticker"] == *ticker).unwrap();
    assert_eq!(item["similar"][0]["name"], renamed.as_str(), "{item}");
    assert!(item["similar"][0]["worth"].is_number(), "{item}");
    let command = item["similar"][0]["command"].as_str().unwrap();
    assert_eq!(command, format!("autotrader map approve {ticker} {renamed}"));
    let told = ask(&stage, &["map", "review"]).succeeded().stdout;
    assert!(told.contains(command) && told.contains("renamed"), "{told}");

    let typed: Vec<&str> = command.split(' ').skip(1).chain(["--json"]).collect();
    let approved = ask(&stage, &typed).succeeded().json();
    assert_eq!(approved["stage"], "confirmed", "{approved}");
    assert_eq!(
        approved["outcome"].as_str().unwrap(),
        format!("{ticker} may be entered"),
        "{approved}"
    );
    assert_eq!(
        (&approved["before"]["state"], &approved["after"]["state"]),
        (&json!("renamed"), &json!("approved"))
    );
    wait_until(&mut run, "the release", SEEN_WITHIN, || {
        reason(&stage, &ticker) != Some(json!("renamed"))
    });
    let line = contract(&stage, &ticker);
    assert_eq!(
        (&line["state"], &line["may_enter"]),
        (&json!("approved"), &json!(true))
    );
    assert_eq!(line["claim"]["model_name"], renamed.as_str());

    // What was approved can be taken back, and stays so without a process.
    drains(run);
    let rejected = ask(&stage, &["map", "reject", &ticker, &renamed, "--json"])
        .succeeded()
        .json();
    assert_eq!(rejected["stage"], "confirmed", "{rejected}");
    assert_eq!(contract(&stage, &ticker)["may_enter"], false);
    let decided = history(&stage).approvals().unwrap();
    assert_eq!(decided.len(), 2);
    assert!(
        matches!(&decided[0].decision, ApprovalDecision::Mapping { name, subject, .. } if *name == renamed && *subject == slug)
    );
    assert!(
        matches!(&decided[1].decision, ApprovalDecision::MappingRejected { name: Some(name), .. } if *name == renamed)
    );
    stage.stop();
}

#[test]
fn changed_words_of_a_contract_freeze_it_until_a_person_has_read_them() {
    let stage = Stage::set("63", false);
    let mut run = started(&stage);
    let models = of_series(&contracts(&stage), "KXTOPMODEL");
    let line = models.last().unwrap();
    let ticker = line["ticker"].as_str().unwrap().to_owned();
    let slug = line["claim"]["model_name"].as_str().unwrap();
    wait_until(&mut run, "a decision", SEEN_WITHIN, || {
        reason(&stage, &ticker).is_some()
    });
    drains(run);
    // While nothing runs, the exchange asks another question under the same name.
    let other = models[0]["claim"]["model_name"].as_str().unwrap();
    let words = |model: &str, day: &str| {
        format!(
            "If {model} is the top-ranked AI model on {day} at 10:00 AM ET, then the market resolves to Yes."
        )
    };
    let reword = json!({ "ticker": ticker, "rules_primary": words(other, "Dec 31, 2026") });
    stage.admin("reword", &reword.to_string());
    let reasons = contract(&stage, &ticker)["reasons"].clone();
    assert!(
        reasons.as_array().unwrap().contains(&json!("terms_changed")),
        "{reasons}"
    );
    let review = ask(&stage, &["map", "review", "--json"]).succeeded().json();
    let items = review["review"].as_array().unwrap();
    let item = items.iter().find(|item| item["ticker"] == *ticker).unwrap();
    assert!(
        item["said"]["rules_primary"].as_str().unwrap().contains(slug),
        "{item}"
    );
    assert!(
        item["says"]["rules_primary"].as_str().unwrap().contains(other),
        "{item}"
    );
    let mut run = stage.run();
    wait_until(&mut run, "the freeze", SEEN_WITHIN, || {
        reason(&stage, &ticker) == Some(json!("terms_changed"))
    });
    drains(run);
    stage.stop();
}

#[test]
fn what_cannot_be_decided_is_said_in_one_sentence() {
    let stage = Stage::set("64", false);
    let models = of_series(&contracts(&stage), "KXTOPMODEL");
    let ticker = models[0]["ticker"].as_str().unwrap();
    let (slug, lab) = (
        models[0]["claim"]["model_name"].as_str().unwrap(),
        models[0]["claim"]["organization"].as_str().unwrap(),
    );
    let other = models[1]["claim"]["model_name"].as_str().unwrap();
    for (arguments, code, words) in [
        (
            &["map", "approve", "KXTOPMODEL-99JAN01-NONE", slug][..],
            2,
            "lists no such contract",
        ),
        (&["map", "approve", "not a ticker", slug][..], 2, "TICKER"),
        (
            &["map", "approve", ticker, "no-such-model-7"][..],
            2,
            "no model called",
        ),
        (
            &["map", "approve", ticker, lab][..],
            2,
            "the name of an organisation",
        ),
        (&["map", "approve", ticker, other][..], 1, "which the board lists"),
        (&["map", "approve", ticker, slug][..], 1, "nothing to approve"),
        (
            &["map", "reject", ticker, "no-such-model-7"][..],
            2,
            "no model called",
        ),
        (
            &["map", "rules", "approve", "KXOTHER", "cascade"][..],
            2,
            "not traded",
        ),
        (
            &["map", "rules", "approve", "KXLLM1", "v1:cascade:rounded"][..],
            2,
            "RULESET",
        ),
        (
            &["map", "rules", "approve", "KXTOPMODEL", "cascade"][..],
            1,
            "nothing to approve",
        ),
        (
            &["map", "rules", "revoke", "KXLLM1", "--text", "xyz"][..],
            2,
            "hash",
        ),
        (
            &[
                "map",
                "rules",
                "revoke",
                "KXTOPMODEL",
                "--text",
                "0000000000000000",
            ][..],
            2,
            "no text",
        ),
    ] {
        let finished = ask(&stage, arguments);
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert!(
            finished.stderr.contains(words),
            "{arguments:?}: {}",
            finished.stderr
        );
    }
    // What is decided before the first run is kept for it.
    assert!(!stage.place.work().join("first.db").exists());
    let rejected = ask(&stage, &["map", "reject", ticker, "--json"])
        .succeeded()
        .json();
    assert_eq!(rejected["stage"], "confirmed", "{rejected}");
    assert_eq!(contract(&stage, ticker)["reasons"], json!(["mapping_rejected"]));
    assert!(
        ask(&stage, &["map", "reject", ticker])
            .refused(1)
            .contains("nothing to reject")
    );
    ask(&stage, &["map", "approve", ticker, slug]).succeeded();
    assert_eq!(contract(&stage, ticker)["may_enter"], true);
    stage.stop();
}

/// On a real board: a name that is only spelt otherwise suggests itself, and no name of another version is ever suggested.
#[test]
fn on_a_captured_board_spelling_is_suggested_and_another_version_never() {
    let Some(file) = capture("arena/pages/2026-05-overall-no-style-control.html.gz") else {
        return;
    };
    let resolved = ask_nobody(&["board", file.to_str().unwrap(), "--json"]);
    let names: Vec<String> = resolved["entries"]
        .as_array()
        .unwrap_or_else(|| panic!("{:?}", resolved.as_object().map(|o| o.keys().collect::<Vec<_>>())))
        .iter()
        .map(|row| row["model_name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.len() > 300);
    let numbers = |name: &str| -> Vec<String> {
        name.split(|c: char| !c.is_numeric())
            .filter(|digits| !digits.is_empty())
            .map(str::to_owned)
            .collect()
    };
    for name in &names {
        let spelt = name.to_uppercase().replace('-', " ");
        let found = suggest(&spelt, names.iter().map(String::as_str), 0.8, 3);
        assert!(found.contains(name), "{spelt}: {found:?}");
        let others = names.iter().filter(|other| *other != name);
        for suggested in suggest(name, others.map(String::as_str), 0.5, 9) {
            assert_eq!(numbers(&suggested), numbers(name), "{name}: {suggested}");
        }
    }
}

fn ask_nobody(arguments: &[&str]) -> Value {
    let place = crate::place::Place::new();
    finish(&mut place.autotrader(arguments), SHORT).succeeded().json()
}
