//! The mapping gate: states, claims, check times, rule texts, and the report of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::{Claim, Mapping, MappingState, Market, Reason};
use autotrader_strategy::map_report;
use chrono::TimeDelta;
use rstest::rstest;
use scene::{ROWS, Scene, board, check, owned};

const MODEL: &str = "KXTOPMODEL-26SEP28-AUR6";
const LAB: &str = "KXLLM1-26SEP28-NOR";

fn model(name: &str, lab: Option<&str>) -> Option<Claim> {
    Some(Claim::Model {
        model_name: name.to_owned(),
        organization: lab.map(str::to_owned),
    })
}

fn lab(name: &str) -> Option<Claim> {
    Some(Claim::Organization {
        organization: name.to_owned(),
    })
}

fn map(scene: &Scene, ticker: &str) -> Mapping {
    scene.mappings().remove(&ticker.parse().unwrap()).unwrap()
}

fn change(scene: &mut Scene, ticker: &str, change: impl FnOnce(&mut Market)) {
    change(scene.markets.get_mut(&ticker.parse().unwrap()).unwrap());
}

/// Names another subject in a market's rule, and its slug.
fn name(scene: &mut Scene, ticker: &str, from: &str, to: &str) {
    change(scene, ticker, |market| {
        market.rules_primary = market.rules_primary.replace(from, to);
        market.strike_model = market.strike_model.as_ref().map(|_| to.to_owned());
    });
}

fn rename_on_board(scene: &mut Scene, to: &str) {
    let mut rows = owned(&ROWS);
    rows[0].0 = to.to_owned();
    scene.accept(|accepted| accepted.board = std::sync::Arc::new(board(&rows)));
}

#[test]
fn exact_names_map_and_may_be_entered() {
    let scene = Scene::news();
    let mapping = map(&scene, MODEL);
    assert_eq!(mapping.state, MappingState::Exact);
    assert_eq!(mapping.claim, model("aurora-6", Some("Northwind")));
    assert_eq!(mapping.rule_set.as_deref(), Some("v1:cascade:full"));
    assert_eq!(mapping.check_time, Some(check()));
    assert_eq!(mapping.reasons, []);
    let mapping = map(&scene, LAB);
    assert_eq!(
        (mapping.state, mapping.claim),
        (MappingState::Exact, lab("Northwind"))
    );
    assert_eq!(mapping.reasons, []);
}

#[rstest]
#[case::similar("aurora_6", MappingState::Suggested, Reason::MappingSuggested, &["aurora-6"])]
#[case::another_version("aurora-66", MappingState::Unmapped, Reason::Unmapped, &[])]
#[case::next_version("aurora-7", MappingState::Unmapped, Reason::Unmapped, &[])]
#[case::minor_version("aurora-6.1", MappingState::Unmapped, Reason::Unmapped, &[])]
#[case::other_case("Aurora-6", MappingState::Suggested, Reason::MappingSuggested, &["aurora-6"])]
#[case::unlike("zeta", MappingState::Unmapped, Reason::Unmapped, &[])]
fn another_slug_is_at_most_a_suggestion(
    #[case] slug: &str,
    #[case] state: MappingState,
    #[case] reason: Reason,
    #[case] suggested: &[&str],
) {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, "aurora-6", slug);
    let mapping = map(&scene, MODEL);
    assert_eq!((mapping.state, mapping.claim), (state, model(slug, None)));
    assert_eq!(mapping.reasons, [reason]);
    assert_eq!(
        mapping.suggestions.first().map(String::as_str),
        suggested.first().copied()
    );
}

#[rstest]
#[case::suffix("Northwind Labs", MappingState::Suggested)]
#[case::case("northwind", MappingState::Suggested)]
#[case::unlike("Initech", MappingState::Unmapped)]
fn another_spelling_of_a_company_is_at_most_a_suggestion(#[case] company: &str, #[case] state: MappingState) {
    let mut scene = Scene::news();
    name(&mut scene, LAB, "Northwind", company);
    let mapping = map(&scene, LAB);
    assert_eq!((mapping.state, mapping.claim), (state, None));
}

#[test]
fn approved_aliases_and_overrides_map() {
    let mut scene = Scene::news();
    name(&mut scene, LAB, "Northwind", "Northwind Labs");
    name(&mut scene, MODEL, "aurora-6", "aurora-six");
    let mut by_alias = scene.clone();
    let names = &mut by_alias.params.mapping;
    names
        .organization_aliases
        .insert("Northwind Labs".into(), "Northwind".into());
    names.model_aliases.insert("aurora-six".into(), "aurora-6".into());
    let mut by_override = scene.clone();
    let names = &mut by_override.params.mapping;
    names
        .organization_overrides
        .insert(LAB.parse().unwrap(), "Northwind".into());
    names
        .model_overrides
        .insert(MODEL.parse().unwrap(), "aurora-6".into());
    for scene in [by_alias, by_override] {
        let (m, l) = (map(&scene, MODEL), map(&scene, LAB));
        assert_eq!(
            (m.state, m.claim),
            (MappingState::Approved, model("aurora-6", Some("Northwind")))
        );
        assert_eq!((l.state, l.claim), (MappingState::Approved, lab("Northwind")));
        assert_eq!((m.reasons, l.reasons), (vec![], vec![]));
    }
    // What is approved must itself be on the board.
    scene
        .params
        .mapping
        .model_aliases
        .insert("aurora-six".into(), "aurora-9".into());
    assert_ne!(map(&scene, MODEL).state, MappingState::Approved);
}

#[test]
fn an_exact_name_is_not_overridden_by_an_alias() {
    let mut scene = Scene::news();
    scene
        .params
        .mapping
        .model_aliases
        .insert("aurora-6".into(), "boreas-5".into());
    assert_eq!(map(&scene, MODEL).claim, model("aurora-6", Some("Northwind")));
}

#[test]
fn a_renamed_model_is_frozen_with_its_old_claim_until_a_person_decides() {
    let mut scene = Scene::news();
    rename_on_board(&mut scene, "aurora-6-high");
    // Renamed twice, the latest name is told.
    scene.standing.renames = vec![
        ("aurora-6".into(), "aurora-6-mid".into()),
        ("aurora-6-mid".into(), "aurora-6-high".into()),
    ];
    let mapping = map(&scene, MODEL);
    assert_eq!(mapping.state, MappingState::Renamed);
    assert_eq!(mapping.claim, model("aurora-6", Some("Northwind")));
    assert_eq!(mapping.reasons, [Reason::Renamed]);
    assert_eq!(mapping.suggestions, ["aurora-6-high"]);
    scene
        .params
        .mapping
        .model_overrides
        .insert(MODEL.parse().unwrap(), "aurora-6-high".into());
    let decided = map(&scene, MODEL);
    assert_eq!(decided.state, MappingState::Approved);
    assert_eq!(decided.claim, model("aurora-6-high", Some("Northwind")));
}

#[test]
fn a_ring_of_renames_ends_and_a_name_that_came_back_is_exact() {
    let mut scene = Scene::news();
    scene.standing.renames = vec![
        ("aurora-6".into(), "aurora-6-high".into()),
        ("aurora-6-high".into(), "aurora-6".into()),
    ];
    assert_eq!(
        map(&scene, MODEL).state,
        MappingState::Exact,
        "the board lists it again"
    );
    rename_on_board(&mut scene, "other");
    assert_eq!(map(&scene, MODEL).state, MappingState::Renamed);
}

#[test]
fn without_a_board_nothing_is_mapped() {
    let mut scene = Scene::news();
    scene.standing.accepted = None;
    assert_eq!(map(&scene, MODEL).reasons, [Reason::NoBoard]);
    assert_eq!(map(&scene, LAB).reasons, [Reason::NoBoard]);
    assert_eq!(map(&scene, MODEL).claim, model("aurora-6", None));
}

#[test]
fn everything_that_forbids_is_told_at_once() {
    let mut scene = Scene::news();
    change(&mut scene, MODEL, |market| {
        market.close_time += TimeDelta::minutes(1);
        market.rules_secondary = "The oldest model wins.".to_owned();
        market.strike_model = None;
        market.fees.fee_type = autotrader_domain::FeeType::Unsupported;
    });
    assert_eq!(
        map(&scene, MODEL).reasons,
        [
            Reason::Unmapped,
            Reason::RulesTemplate,
            Reason::CheckTimeMismatch,
            Reason::RulesUnknown,
            Reason::FeesUnsupported,
        ]
    );
}

#[test]
fn the_ticker_and_the_label_say_nothing() {
    let mut scene = Scene::news();
    change(&mut scene, MODEL, |market| {
        market.yes_sub_title = "boreas-5".to_owned();
    });
    let market = scene.markets.remove(&MODEL.parse().unwrap()).unwrap();
    let ticker: autotrader_domain::Ticker = "KXTOPMODEL-27JAN01-BOR5".parse().unwrap();
    scene.markets.insert(
        ticker.clone(),
        Market {
            ticker: ticker.clone(),
            ..market
        },
    );
    let mapping = map(&scene, ticker.as_str());
    assert_eq!(mapping.claim, model("aurora-6", Some("Northwind")));
    assert_eq!((mapping.check_time, mapping.reasons), (Some(check()), vec![]));
}

#[test]
fn another_series_is_not_traded() {
    let mut scene = Scene::news();
    change(&mut scene, MODEL, |market| {
        market.series = "KXTOPAI".parse().unwrap();
    });
    let mapping = map(&scene, MODEL);
    assert_eq!((mapping.state, mapping.claim), (MappingState::Unmapped, None));
    assert_eq!(
        mapping.reasons,
        [Reason::Unmapped, Reason::RulesTemplate, Reason::RulesUnknown]
    );
}

#[test]
fn the_text_of_the_lab_series_needs_an_approval() {
    let mut scene = Scene::news();
    scene.params.mapping.approved_rules.truncate(1);
    assert_eq!(map(&scene, LAB).reasons, [Reason::RulesUnknown]);
    assert_eq!(map(&scene, LAB).rule_set, None);
    assert_eq!(
        map(&scene, MODEL).reasons,
        [],
        "the published text of the other series is approved by default"
    );
}

#[test]
fn the_report_tells_every_market_in_order() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, "aurora-6", "aurora_6");
    let report = map_report(
        &scene.markets,
        &scene.standing,
        &scene.approvals,
        &scene.params.mapping,
    );
    assert_eq!(report.len(), 10);
    assert!(report.is_sorted_by_key(|line| line.ticker.clone()));
    let line = report.iter().find(|line| line.ticker.as_str() == MODEL).unwrap();
    assert_eq!(
        serde_json::to_value(line).unwrap(),
        serde_json::json!({
            "ticker": MODEL,
            "event": "KXTOPMODEL-26SEP28",
            "series": "KXTOPMODEL",
            "subject": "aurora_6",
            "label": "label",
            "state": "suggested",
            "claim": {"kind": "model", "model_name": "aurora_6", "organization": null},
            "rule_set": "v1:cascade:full",
            "check_time": "2026-09-28T14:00:00Z",
            "close_time": "2026-09-28T14:00:00Z",
            "may_enter": false,
            "reasons": ["mapping_suggested"],
            "suggestions": ["aurora-6"],
            "rejected": [],
        })
    );
    assert!(report.iter().filter(|line| line.may_enter).count() == 9);
}
