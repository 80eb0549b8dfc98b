//! What people decide by command: what it maps, what it binds, what it forbids, and when it no longer holds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::{
    Action, ApprovalDecision, BookSide, Claim, ContractTerms, FeeType, Mapping, MappingState, Market,
    OrderState, Purpose, Reason,
};
use autotrader_strategy::ApprovedRules;
use autotrader_strategy::mapping::rules::SeriesKind;
use autotrader_strategy::mapping::{names_on_board, subject_of};
use chrono::TimeDelta;
use proptest::prelude::*;
use rstest::rstest;
use scene::{LAB_TIE_RULE, ROWS, Scene, board, line, owned};

const MODEL: &str = "KXTOPMODEL-26SEP28-AUR6";
const LAB: &str = "KXLLM1-26SEP28-NOR";
const SLUG: &str = "aurora-6";

fn map(scene: &Scene, ticker: &str) -> Mapping {
    scene.mappings().remove(&ticker.parse().unwrap()).unwrap()
}

fn market<'a>(scene: &'a mut Scene, ticker: &str) -> &'a mut Market {
    scene.markets.get_mut(&ticker.parse().unwrap()).unwrap()
}

/// Notes what every contract says, as the core does when it first sees them.
fn seen(mut scene: Scene) -> Scene {
    for (ticker, market) in &scene.markets {
        scene.approvals.note_terms(ticker, ContractTerms::of(market));
    }
    scene
}

fn decide(scene: &mut Scene, decision: &ApprovalDecision) {
    scene.approvals.apply(decision);
}

/// A person approves a name for a contract as the exchange words it now.
fn approve(scene: &mut Scene, ticker: &str, name: &str) {
    let market = &scene.markets[&ticker.parse().unwrap()];
    let decision = ApprovalDecision::Mapping {
        ticker: market.ticker.clone(),
        subject: subject_of(market).unwrap(),
        terms: ContractTerms::of(market),
        name: name.to_owned(),
    };
    decide(scene, &decision);
}

fn reject(scene: &mut Scene, ticker: &str, name: Option<&str>) {
    let market = &scene.markets[&ticker.parse().unwrap()];
    let decision = ApprovalDecision::MappingRejected {
        ticker: market.ticker.clone(),
        subject: subject_of(market).unwrap(),
        name: name.map(str::to_owned),
    };
    decide(scene, &decision);
}

/// Names another subject in a market's rule, and its slug.
fn name(scene: &mut Scene, ticker: &str, from: &str, to: &str) {
    let market = market(scene, ticker);
    market.rules_primary = market.rules_primary.replace(from, to);
    market.strike_model = market.strike_model.as_ref().map(|_| to.to_owned());
}

/// The board lists the leader under another name.
fn rename(scene: &mut Scene, to: &str) {
    let mut rows = owned(&ROWS);
    rows[0].0 = to.to_owned();
    scene.accept(|accepted| accepted.board = std::sync::Arc::new(board(&rows)));
    scene.standing.renames.push((SLUG.to_owned(), to.to_owned()));
}

fn model_name(mapping: &Mapping) -> Option<&str> {
    match mapping.claim.as_ref()? {
        Claim::Model { model_name, .. } => Some(model_name),
        Claim::Organization { organization } => Some(organization),
    }
}

#[rstest]
#[case::model(MODEL, SLUG, "aurora_six")]
#[case::lab(LAB, "Northwind", "Northwind Systems")]
fn an_approved_name_maps_until_it_is_rejected(
    #[case] ticker: &str,
    #[case] on_board: &str,
    #[case] named: &str,
) {
    let mut scene = Scene::news();
    name(&mut scene, ticker, on_board, named);
    let mut scene = seen(scene);
    assert!(!map(&scene, ticker).state.may_enter());
    approve(&mut scene, ticker, on_board);
    let mapping = map(&scene, ticker);
    assert_eq!(mapping.state, MappingState::Approved);
    assert_eq!(model_name(&mapping), Some(on_board));
    assert_eq!(mapping.reasons, []);
    reject(&mut scene, ticker, Some(on_board));
    let mapping = map(&scene, ticker);
    assert!(!mapping.state.may_enter());
    assert!(!mapping.suggestions.iter().any(|name| name == on_board));
    assert!(!mapping.reasons.is_empty());
}

#[test]
fn what_is_approved_must_itself_be_on_the_board() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora-six");
    approve(&mut scene, MODEL, "aurora-9");
    assert_ne!(map(&scene, MODEL).state, MappingState::Approved);
}

/// Exact before configured override before configured alias before command.
#[test]
fn ways_to_a_name_are_tried_in_order() {
    let mut scene = Scene::news();
    approve(&mut scene, MODEL, "boreas-5");
    assert_eq!(model_name(&map(&scene, MODEL)), Some(SLUG), "exact comes first");
    name(&mut scene, MODEL, SLUG, "aurora-six");
    approve(&mut scene, MODEL, "boreas-5");
    assert_eq!(model_name(&map(&scene, MODEL)), Some("boreas-5"));
    let aliases = &mut scene.params.mapping.model_aliases;
    aliases.insert("aurora-six".into(), "cirrus-2".into());
    assert_eq!(model_name(&map(&scene, MODEL)), Some("cirrus-2"));
    let overrides = &mut scene.params.mapping.model_overrides;
    overrides.insert(MODEL.parse().unwrap(), "aurora-5".into());
    assert_eq!(model_name(&map(&scene, MODEL)), Some("aurora-5"));
    // A configured name that the board does not list is still the configured one.
    let overrides = &mut scene.params.mapping.model_overrides;
    overrides.insert(MODEL.parse().unwrap(), "aurora-99".into());
    assert!(!map(&scene, MODEL).state.may_enter());
}

#[test]
fn a_rejected_name_is_not_suggested_again() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora_6");
    assert_eq!(map(&scene, MODEL).suggestions, [SLUG]);
    reject(&mut scene, MODEL, Some(SLUG));
    let mapping = map(&scene, MODEL);
    assert_eq!(
        (mapping.state, mapping.suggestions),
        (MappingState::Unmapped, vec![])
    );
    assert_eq!(mapping.reasons, [Reason::Unmapped]);
    // It stays so for this name of the exchange only.
    name(&mut scene, MODEL, "aurora_6", "aurora 6");
    assert_eq!(map(&scene, MODEL).suggestions, [SLUG]);
}

#[test]
fn a_contract_that_is_rejected_wholly_is_not_traded_even_under_its_exact_name() {
    for (ticker, exact) in [(MODEL, SLUG), (LAB, "Northwind")] {
        for rejected in [None, Some(exact)] {
            let mut scene = seen(Scene::news());
            reject(&mut scene, ticker, rejected);
            let mapping = map(&scene, ticker);
            assert_eq!(mapping.reasons, [Reason::MappingRejected], "{ticker}");
            assert!(!mapping.state.may_enter());
            assert_eq!(
                model_name(&mapping),
                Some(exact),
                "what a position pays on is still known"
            );
            assert!(mapping.suggestions.is_empty());
            approve(&mut scene, ticker, exact);
            assert_eq!(map(&scene, ticker).state, MappingState::Exact);
            assert_eq!(map(&scene, ticker).reasons, []);
        }
    }
}

#[test]
fn a_rejection_stops_what_the_configuration_maps() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora-six");
    let aliases = &mut scene.params.mapping.model_aliases;
    aliases.insert("aurora-six".into(), SLUG.into());
    assert_eq!(map(&scene, MODEL).state, MappingState::Approved);
    reject(&mut scene, MODEL, Some(SLUG));
    assert_eq!(map(&scene, MODEL).reasons, [Reason::MappingRejected]);
}

#[test]
fn approving_the_new_name_releases_a_renamed_contract_and_rejecting_it_does_not() {
    let mut scene = seen(Scene::news());
    rename(&mut scene, "aurora-6-high");
    assert_eq!(map(&scene, MODEL).state, MappingState::Renamed);
    let mut rejected = scene.clone();
    reject(&mut rejected, MODEL, Some("aurora-6-high"));
    let mapping = map(&rejected, MODEL);
    assert_eq!(
        mapping.reasons,
        [Reason::Renamed],
        "frozen until a person says what it pays on"
    );
    assert_eq!((mapping.renamed_to(), model_name(&mapping)), (None, Some(SLUG)));
    approve(&mut scene, MODEL, "aurora-6-high");
    let mapping = map(&scene, MODEL);
    assert_eq!(mapping.state, MappingState::Approved);
    assert_eq!(mapping.reasons, []);
    assert_eq!(model_name(&mapping), Some("aurora-6-high"));
}

#[test]
fn a_model_that_is_renamed_after_its_contract_was_approved_freezes_again() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora-six");
    let mut scene = seen(scene);
    approve(&mut scene, MODEL, SLUG);
    rename(&mut scene, "aurora-6-high");
    let mapping = map(&scene, MODEL);
    assert_eq!(mapping.state, MappingState::Renamed);
    assert_eq!(mapping.reasons, [Reason::Renamed]);
    assert_eq!(model_name(&mapping), Some(SLUG));
    assert_eq!(mapping.renamed_to(), Some("aurora-6-high"));
}

/// Each change of a contract's words, and the reason that freezes it.
#[rstest]
#[case::another_exact_subject(&[Reason::TermsChanged], |market: &mut Market| {
    market.rules_primary = market.rules_primary.replace("aurora-6", "boreas-5");
    market.strike_model = Some("boreas-5".to_owned());
})]
#[case::slug_alone(&[Reason::TermsChanged, Reason::RulesTemplate], |market: &mut Market| {
    market.strike_model = Some("boreas-5".to_owned());
})]
#[case::check_moved_with_the_close(&[Reason::TermsChanged], |market: &mut Market| {
    market.rules_primary = market.rules_primary.replace("10:00 AM", "12:00 PM");
    market.close_time += TimeDelta::hours(2);
})]
#[case::check_moved_alone(&[Reason::TermsChanged, Reason::CheckTimeMismatch], |market: &mut Market| {
    market.rules_primary = market.rules_primary.replace("10:00 AM", "12:00 PM");
})]
#[case::close_moved_alone(&[Reason::CheckTimeMismatch], |market: &mut Market| {
    market.close_time -= TimeDelta::hours(1);
})]
#[case::template(&[Reason::TermsChanged, Reason::RulesTemplate], |market: &mut Market| {
    market.rules_primary = market.rules_primary.replace("top-ranked", "best-ranked");
})]
#[case::tie_break(&[Reason::RulesUnknown], |market: &mut Market| {
    market.rules_secondary = market.rules_secondary.replace("most votes", "fewest votes");
})]
#[case::fees(&[Reason::FeesUnsupported], |market: &mut Market| market.fees.fee_type = FeeType::Unsupported)]
#[case::white_space(&[], |market: &mut Market| {
    market.rules_primary = market.rules_primary.replace(' ', " \n ");
    market.rules_secondary = market.rules_secondary.replace(". ", ".\r\n");
})]
fn a_changed_text_freezes_with_its_reason(#[case] reasons: &[Reason], #[case] change: fn(&mut Market)) {
    let mut scene = seen(Scene::news());
    assert_eq!(map(&scene, MODEL).reasons, []);
    scene.hold(MODEL, BookSide::Bid, "20", "0.60");
    change(market(&mut scene, MODEL));
    assert_eq!(map(&scene, MODEL).reasons, reasons);
    let evaluation = scene.evaluate();
    let why = line(&evaluation, MODEL);
    if reasons.is_empty() {
        return;
    }
    assert!(
        !matches!(why.action, Action::Enter { .. } | Action::Exit { .. }),
        "neither entered nor sold: {why:?}"
    );
    assert_eq!(why.reason, reasons.first().copied());
    assert!(
        !evaluation
            .intents
            .iter()
            .any(|intent| intent.ticker.as_str() == MODEL),
        "{:?}",
        evaluation.intents
    );
}

#[test]
fn a_frozen_position_would_have_been_sold() {
    let mut scene = seen(Scene::news());
    scene.hold(MODEL, BookSide::Bid, "20", "0.10");
    scene.quote(MODEL, "0.97", "0.98");
    let sells = |scene: &Scene| matches!(line(&scene.evaluate(), MODEL).action, Action::Exit { .. });
    assert!(sells(&scene), "the bid is worth more than the contract");
    market(&mut scene, MODEL).close_time += TimeDelta::minutes(1);
    assert!(!sells(&scene));
}

#[test]
fn a_person_who_has_read_the_new_words_releases_them() {
    let mut scene = seen(Scene::news());
    name(&mut scene, MODEL, SLUG, "boreas-5");
    assert_eq!(map(&scene, MODEL).reasons, [Reason::TermsChanged]);
    approve(&mut scene, MODEL, "boreas-5");
    let mapping = map(&scene, MODEL);
    assert_eq!(
        (mapping.state, mapping.reasons.as_slice()),
        (MappingState::Exact, &[][..])
    );
    // The words of before are now the change.
    name(&mut scene, MODEL, "boreas-5", SLUG);
    assert_eq!(map(&scene, MODEL).reasons, [Reason::TermsChanged]);
}

#[test]
fn an_approval_does_not_outlive_its_subject() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora_6");
    let mut scene = seen(scene);
    approve(&mut scene, MODEL, SLUG);
    name(&mut scene, MODEL, "aurora_6", "aurora six");
    let mapping = map(&scene, MODEL);
    assert!(!mapping.state.may_enter());
    assert_eq!(mapping.reasons, [Reason::Unmapped, Reason::TermsChanged]);
}

fn rules(series: &str, text: &str, rule_set: Option<&str>) -> ApprovalDecision {
    let (series, text) = (series.parse().unwrap(), text.to_owned());
    match rule_set {
        Some(rule_set) => ApprovalDecision::Rules {
            series,
            text,
            rule_set: rule_set.to_owned(),
        },
        None => ApprovalDecision::RulesRevoked { series, text },
    }
}

#[test]
fn an_approved_text_is_bound_to_its_rule_set_and_series() {
    let mut scene = Scene::news();
    scene.params.mapping.approved_rules.truncate(1);
    assert_eq!(map(&scene, LAB).reasons, [Reason::RulesUnknown]);
    decide(
        &mut scene,
        &rules("KXTOPMODEL", LAB_TIE_RULE, Some("v1:cascade:full")),
    );
    assert_eq!(
        map(&scene, LAB).reasons,
        [Reason::RulesUnknown],
        "of another series"
    );
    decide(
        &mut scene,
        &rules("KXLLM1", LAB_TIE_RULE, Some("v1:cascade:displayed")),
    );
    let mapping = map(&scene, LAB);
    assert_eq!(mapping.reasons, []);
    assert_eq!(mapping.rule_set.as_deref(), Some("v1:cascade:displayed"));
    decide(
        &mut scene,
        &rules("KXLLM1", LAB_TIE_RULE, Some("v1:rank_ub_alone:full")),
    );
    assert_eq!(map(&scene, LAB).reasons, [Reason::RuleSetUnsupported]);
    decide(&mut scene, &rules("KXLLM1", LAB_TIE_RULE, None));
    assert_eq!(map(&scene, LAB).reasons, [Reason::RulesUnknown]);
}

#[test]
fn of_a_text_the_latest_decision_by_command_holds_before_the_configuration() {
    let mut scene = Scene::news();
    let text = scene.markets[&MODEL.parse().unwrap()].rules_secondary.clone();
    decide(&mut scene, &rules("KXTOPMODEL", &text, None));
    assert_eq!(
        map(&scene, MODEL).reasons,
        [Reason::RulesUnknown],
        "revoked though built in"
    );
    decide(
        &mut scene,
        &rules("KXTOPMODEL", &text, Some("v1:cascade:displayed")),
    );
    assert_eq!(
        map(&scene, MODEL).rule_set.as_deref(),
        Some("v1:cascade:displayed")
    );
}

#[test]
fn a_configured_text_replaces_the_one_that_is_built_in() {
    let mut scene = Scene::news();
    let text = scene.markets[&MODEL.parse().unwrap()].rules_secondary.clone();
    let configured = ApprovedRules::new("KXTOPMODEL".parse().unwrap(), text, "v1:cascade:displayed").unwrap();
    scene.params.mapping.approved_rules.push(configured);
    assert_eq!(
        map(&scene, MODEL).rule_set.as_deref(),
        Some("v1:cascade:displayed")
    );
}

#[test]
fn the_names_a_series_may_pay_on_are_those_of_the_board() {
    let scene = Scene::news();
    let models = names_on_board(SeriesKind::TopModel, &scene.standing);
    assert_eq!(models.len(), ROWS.len());
    let labs = names_on_board(SeriesKind::TopOrganization, &scene.standing);
    assert_eq!(
        labs.into_iter().collect::<Vec<_>>(),
        ["Contoso", "Fabrikam", "Litware", "Northwind", "Tailspin"]
    );
}

proptest! {
    /// Whatever the words of a contract become, it is entered only under the words that were seen or approved.
    #[test]
    fn changed_words_never_enter(
        at in 0_usize..200,
        character in prop::char::range(' ', '~'),
        slug in "[a-z0-9.-]{1,12}",
        change_slug in any::<bool>(),
    ) {
        let mut scene = seen(Scene::news());
        let before = ContractTerms::of(market(&mut scene, MODEL));
        {
            let market = market(&mut scene, MODEL);
            let at = at.min(market.rules_primary.len());
            market.rules_primary.insert(at, character);
            if change_slug {
                market.strike_model = Some(slug);
            }
        }
        let after = ContractTerms::of(market(&mut scene, MODEL));
        let mapping = map(&scene, MODEL);
        prop_assert_eq!(mapping.reasons.contains(&Reason::TermsChanged), before != after);
    }
}

fn reviewed(scene: &Scene) -> Vec<autotrader_strategy::mapping::ReviewItem> {
    autotrader_strategy::mapping::review(
        &scene.markets,
        &scene.standing,
        &scene.approvals,
        &scene.params.mapping,
    )
}

#[test]
fn only_what_needs_a_person_is_reviewed() {
    let mut scene = seen(Scene::news());
    assert_eq!(reviewed(&scene), [], "nothing waits");
    rename(&mut scene, "zephyr");
    name(&mut scene, LAB, "Northwind", "Northwind Labs");
    let items = reviewed(&scene);
    let told: Vec<(&str, Vec<&str>)> = items
        .iter()
        .map(|item| {
            let names = item.similar.iter().map(|similar| similar.name.as_str());
            (item.line.ticker.as_str(), names.collect())
        })
        .collect();
    assert_eq!(
        told.iter().map(|(ticker, _)| *ticker).collect::<Vec<_>>(),
        [LAB, MODEL]
    );
    assert_eq!(told[0].1, ["Northwind"]);
    assert_eq!(
        told[1].1[0], "zephyr",
        "the new name comes first, however unlike: {told:?}"
    );
    assert!(
        items[0]
            .said
            .as_ref()
            .unwrap()
            .rules_primary
            .contains("If Northwind has")
    );
    assert!(items[0].says.rules_primary.contains("If Northwind Labs has"));
    assert_eq!(items[1].said, None);
    let mut refused = scene.clone();
    reject(&mut refused, MODEL, None);
    assert_eq!(
        reviewed(&refused).len(),
        1,
        "a renamed one that is rejected stays frozen, and waits no more"
    );
    assert_eq!(map(&refused, MODEL).reasons, [Reason::Renamed]);
    reject(&mut scene, LAB, None);
    assert_eq!(reviewed(&scene).len(), 1, "what is rejected waits no more");
    approve(&mut scene, MODEL, "zephyr");
    assert_eq!(reviewed(&scene), []);
}

#[test]
fn another_version_is_shown_to_a_person_as_one_and_last() {
    let mut scene = Scene::news();
    name(&mut scene, MODEL, SLUG, "aurora-7");
    let items = reviewed(&scene);
    assert_eq!(items.len(), 1);
    assert!(items[0].line.suggestions.is_empty());
    assert!(!items[0].similar.is_empty(), "aurora-5 and aurora-6 are alike");
    assert!(items[0].similar.iter().all(|similar| !similar.same_version));
}

#[test]
fn every_text_is_told_with_who_bound_it() {
    use autotrader_strategy::mapping::{BoundBy, rule_texts};
    let mut scene = Scene::news();
    let texts = |scene: &Scene| {
        rule_texts(&scene.markets, &scene.approvals, &scene.params.mapping)
            .into_iter()
            .map(|text| {
                (
                    text.series.to_string(),
                    text.contracts.len(),
                    text.bound_by,
                    text.revoked,
                )
            })
            .collect::<Vec<_>>()
    };
    let lab = |count, by, revoked| ("KXLLM1".to_owned(), count, by, revoked);
    let model = |count, by, revoked| ("KXTOPMODEL".to_owned(), count, by, revoked);
    let built_in = model(6, Some(BoundBy::BuiltIn), false);
    assert_eq!(
        texts(&scene),
        [lab(4, Some(BoundBy::Configuration), false), built_in.clone()]
    );
    decide(&mut scene, &rules("KXLLM1", LAB_TIE_RULE, None));
    assert_eq!(texts(&scene), [lab(4, None, true), built_in.clone()]);
    decide(
        &mut scene,
        &rules("KXLLM1", LAB_TIE_RULE, Some("v1:cascade:full")),
    );
    assert_eq!(
        texts(&scene),
        [lab(4, Some(BoundBy::Command), false), built_in.clone()]
    );
    // A text that is shown no more stays known, so that its approval can be taken back.
    for market in scene
        .markets
        .values_mut()
        .filter(|market| market.series.as_str() == "KXLLM1")
    {
        market.rules_secondary = "Another one.".to_owned();
    }
    assert_eq!(
        texts(&scene),
        [
            lab(4, None, false),
            lab(0, Some(BoundBy::Command), false),
            built_in
        ]
    );
}

#[test]
fn a_contract_whose_words_changed_and_whose_name_is_settled_is_shown_under_that_name_alone() {
    let mut scene = seen(Scene::news());
    name(&mut scene, MODEL, SLUG, "aurora-5");
    let items = reviewed(&scene);
    let names: Vec<&str> = items[0]
        .similar
        .iter()
        .map(|similar| similar.name.as_str())
        .collect();
    assert_eq!((items.len(), names), (1, vec!["aurora-5"]));
}

#[test]
fn an_entry_that_rests_on_a_contract_is_withdrawn_when_its_words_change() {
    let mut scene = seen(Scene::news());
    scene.order(MODEL, BookSide::Bid, "5", OrderState::Resting, Purpose::Entry);
    let id = scene.portfolio.open_orders.keys().next().unwrap().clone();
    let withdrawn = |scene: &Scene| scene.evaluate().cancels.contains(&id);
    assert!(!withdrawn(&scene), "nothing else takes it away");
    for change in [
        |market: &mut Market| market.rules_secondary.push_str(" Perhaps."),
        |market: &mut Market| market.rules_primary = market.rules_primary.replace("Sep 28", "Sep 29"),
        |market: &mut Market| market.strike_model = Some("boreas-5".to_owned()),
    ] {
        let mut changed = scene.clone();
        change(market(&mut changed, MODEL));
        assert!(withdrawn(&changed));
    }
    let mut rejected = scene.clone();
    reject(&mut rejected, MODEL, None);
    assert!(withdrawn(&rejected));
}
