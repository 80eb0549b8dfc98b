//! Each guard in turn: a market in which the strategy enters, one thing changed, and no entry where the guard holds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use std::sync::Arc;

use autotrader_domain::{
    BookSide, ChallengeKind, ExchangeStatus, FeeType, HoldReason, MarketStatus, Reason, Vintage,
};
use autotrader_settlement::Rating;
use chrono::TimeDelta;
use rstest::rstest;
use scene::{ROWS, Row, Scene, board, check, contracts, enters, line, owned, price, quotes};

const NEW_LEADER: &str = "KXTOPMODEL-26SEP28-AUR6";
const OLD_LEADER: &str = "KXTOPMODEL-26SEP28-BOR5";
const NEW_LAB: &str = "KXLLM1-26SEP28-NOR";
const OLD_LAB: &str = "KXLLM1-26SEP28-CON";
const ENTERED: [&str; 4] = [NEW_LEADER, OLD_LEADER, NEW_LAB, OLD_LAB];
const MODELS: [&str; 2] = [NEW_LEADER, OLD_LEADER];
const ONE: [&str; 1] = [NEW_LEADER];

/// The same board with the second model ahead.
const OLD_ROWS: [Row; 8] = {
    let mut rows = ROWS;
    rows[1].2 = 1504.0;
    rows
};

fn with_market(scene: &mut Scene, change: impl Fn(&mut autotrader_domain::Market)) {
    change(scene.markets.get_mut(&NEW_LEADER.parse().unwrap()).unwrap());
}

fn rows_with(scene: &mut Scene, change: impl Fn(&mut Vec<(String, String, f64, f64)>)) {
    let mut rows = owned(&ROWS);
    change(&mut rows);
    scene.accept(|accepted| accepted.board = Arc::new(board(&rows)));
}

#[test]
fn unguarded_it_enters() {
    let evaluation = Scene::news().evaluate();
    for ticker in ENTERED {
        assert!(enters(line(&evaluation, ticker)), "{ticker}");
    }
    assert_eq!(evaluation.why.len(), 10);
}

#[rstest]
// The board.
#[case::no_board(|s: &mut Scene| s.standing.accepted = None, &ENTERED[..], Reason::NoBoard)]
#[case::held(|s: &mut Scene| s.challenge(ChallengeKind::Held(HoldReason::ImplausibleLeader), &ROWS), &ENTERED[..], Reason::HeldBoard)]
#[case::coarser(|s: &mut Scene| s.challenge(ChallengeKind::CoarserPath, &ROWS), &ENTERED[..], Reason::BoardNotTradable)]
#[case::older(|s: &mut Scene| s.challenge(ChallengeKind::OlderVintage, &OLD_ROWS), &ENTERED[..], Reason::OlderVintage)]
#[case::unconfirmed(|s: &mut Scene| s.challenge(ChallengeKind::SameStamp, &OLD_ROWS), &ENTERED[..], Reason::UnconfirmedBoard)]
#[case::empty_challenge(|s: &mut Scene| s.challenge(ChallengeKind::OlderVintage, &[]), &ENTERED[..], Reason::OlderVintage)]
#[case::feed_never_read(|s: &mut Scene| s.standing.feed_at = None, &ENTERED[..], Reason::StaleFeed)]
#[case::stale_feed(
    |s: &mut Scene| s.standing.feed_at = Some(s.at - TimeDelta::seconds(601)), &ENTERED[..], Reason::StaleFeed
)]
#[case::stale_board(
    |s: &mut Scene| { let at = s.at; s.accept(|a| a.vintage = Vintage(at - TimeDelta::days(14) - TimeDelta::seconds(1))); },
    &ENTERED[..],
    Reason::StaleBoard
)]
#[case::unmapped_top_model(|s: &mut Scene| rows_with(s, |r| r[4].0 = "newcomer".into()), &MODELS[..], Reason::UnmappedTopModel)]
#[case::unmapped_top_lab(|s: &mut Scene| rows_with(s, |r| r[4].1 = "Newcomer".into()), &[NEW_LAB, OLD_LAB][..], Reason::UnmappedTopModel)]
// The mapping.
#[case::off_the_board(|s: &mut Scene| with_market(s, |m| { m.strike_model = Some("zzz".into()); m.rules_primary = m.rules_primary.replace("aurora-6", "zzz"); }), &ONE[..], Reason::Unmapped)]
#[case::similar(|s: &mut Scene| with_market(s, |m| { m.strike_model = Some("aurora_6".into()); m.rules_primary = m.rules_primary.replace("aurora-6", "aurora-66"); }), &ONE[..], Reason::MappingSuggested)]
#[case::renamed(
    |s: &mut Scene| {
        rows_with(s, |r| r[0].0 = "aurora-6-high".into());
        s.standing.renames.push(("aurora-6".into(), "aurora-6-high".into()));
    },
    &ONE[..],
    Reason::Renamed
)]
#[case::other_tie_rule(|s: &mut Scene| with_market(s, |m| m.rules_secondary.push_str(" Not.")), &ONE[..], Reason::RulesUnknown)]
#[case::no_tie_rule(|s: &mut Scene| with_market(s, |m| m.rules_secondary.clear()), &ONE[..], Reason::RulesUnknown)]
#[case::other_template(|s: &mut Scene| with_market(s, |m| m.rules_primary.push_str(" Not.")), &ONE[..], Reason::RulesTemplate)]
#[case::rule_of_another_model(|s: &mut Scene| with_market(s, |m| m.rules_primary = m.rules_primary.replace("aurora-6", "boreas-5")), &ONE[..], Reason::RulesTemplate)]
#[case::closes_earlier(|s: &mut Scene| with_market(s, |m| m.close_time -= TimeDelta::seconds(1)), &ONE[..], Reason::CheckTimeMismatch)]
#[case::closes_later(|s: &mut Scene| with_market(s, |m| m.close_time += TimeDelta::hours(1)), &ONE[..], Reason::CheckTimeMismatch)]
#[case::unpriced_rules(|s: &mut Scene| s.params.mapping.approved_rules[0].rule_set.rule = autotrader_settlement::Rule::RankUbAlone, &MODELS[..], Reason::RuleSetUnsupported)]
#[case::unpriced_fees(|s: &mut Scene| with_market(s, |m| m.fees.fee_type = FeeType::Unsupported), &ONE[..], Reason::FeesUnsupported)]
#[case::not_mapped_yet(|s: &mut Scene| { let mut m = s.mappings().remove(&NEW_LEADER.parse().unwrap()).unwrap(); m.claim = None; m.reasons = vec![Reason::Unmapped]; s.mapped.insert(m.ticker.clone(), m); }, &ONE[..], Reason::Unmapped)]
// The market.
#[case::paused_market(|s: &mut Scene| with_market(s, |m| m.status = MarketStatus::Inactive), &ONE[..], Reason::NotOpen)]
#[case::unknown_status(|s: &mut Scene| with_market(s, |m| m.status = MarketStatus::Unknown), &ONE[..], Reason::NotOpen)]
#[case::exchange_not_asked(|s: &mut Scene| s.exchange = None, &ENTERED[..], Reason::ExchangePaused)]
#[case::trading_paused(
    |s: &mut Scene| s.exchange = Some(ExchangeStatus { exchange_active: true, trading_active: false }), &ENTERED[..], Reason::ExchangePaused
)]
#[case::exchange_paused(
    |s: &mut Scene| s.exchange = Some(ExchangeStatus { exchange_active: false, trading_active: true }), &ENTERED[..], Reason::ExchangePaused
)]
#[case::no_book(|s: &mut Scene| { s.books.remove(&NEW_LEADER.parse().unwrap()); }, &ONE[..], Reason::NoBook)]
#[case::stale_book(|s: &mut Scene| { let at = s.at; s.books.get_mut(&NEW_LEADER.parse().unwrap()).unwrap().received_at = at - TimeDelta::seconds(121); }, &ONE[..], Reason::StaleBook)]
#[case::no_bids(|s: &mut Scene| s.quote(NEW_LEADER, "", "0.20"), &ONE[..], Reason::OneSidedBook)]
#[case::no_asks(|s: &mut Scene| s.quote(NEW_LEADER, "0.18", ""), &ONE[..], Reason::OneSidedBook)]
#[case::empty_book(|s: &mut Scene| s.quote(NEW_LEADER, "", ""), &ONE[..], Reason::OneSidedBook)]
#[case::wide_spread(|s: &mut Scene| s.quote(NEW_LEADER, "0.15", "0.21"), &ONE[..], Reason::WideSpread)]
#[case::mids_too_high(|s: &mut Scene| s.quote("KXTOPMODEL-26SEP28-CIR2", "0.22", "0.24"), &MODELS[..], Reason::MidsOutOfBand)]
#[case::mids_too_low(|s: &mut Scene| s.quote(OLD_LEADER, "0.40", "0.42"), &MODELS[..], Reason::MidsOutOfBand)]
// The price: without fresh news.
#[case::gap_without_news(|s: &mut Scene| s.standing.news_at = None, &ENTERED[..], Reason::ModelMarketGap)]
#[case::gap_after_old_news(|s: &mut Scene| s.standing.news_at = Some(s.at - TimeDelta::minutes(61)), &ENTERED[..], Reason::ModelMarketGap)]
#[case::news_from_the_future(|s: &mut Scene| s.standing.news_at = Some(s.at + TimeDelta::seconds(6)), &ENTERED[..], Reason::ModelMarketGap)]
// Timing.
#[case::close_to_the_check(
    |s: &mut Scene| { s.move_to(check() - TimeDelta::seconds(605)); s.standing.news_at = Some(s.at); }, &ENTERED[..], Reason::TooCloseToCheck
)]
#[case::past_the_check(|s: &mut Scene| { s.move_to(check()); s.standing.news_at = Some(s.at); }, &ENTERED[..], Reason::PastClose)]
fn no_entry_while_a_guard_holds(
    #[case] change: fn(&mut Scene),
    #[case] blocked: &[&str],
    #[case] expected: Reason,
) {
    let mut scene = Scene::news();
    // A leader without a contract of its own stops its whole event; that guard has cases of its own.
    scene.params.guards.mapped_top = if expected == Reason::UnmappedTopModel {
        5
    } else {
        0
    };
    change(&mut scene);
    let evaluation = scene.evaluate();
    for ticker in blocked {
        let why = line(&evaluation, ticker);
        assert!(!enters(why), "{ticker}: {why:?}");
        assert!(
            why.reason == Some(expected) || why.next_reason == Some(expected),
            "{ticker}: {:?}, {:?}",
            why.reason,
            why.next_reason
        );
    }
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| !blocked.contains(&intent.ticker.as_str()))
    );
    assert_eq!(
        evaluation.why.len(),
        scene.markets.len(),
        "every contract has its line"
    );
    for ticker in ENTERED.iter().filter(|ticker| !blocked.contains(ticker)) {
        assert!(
            enters(line(&evaluation, ticker)),
            "{ticker} is not concerned: {:?}",
            line(&evaluation, ticker)
        );
    }
}

#[rstest]
#[case(|s: &mut Scene| s.challenge(ChallengeKind::OlderVintage, &ROWS))]
#[case(|s: &mut Scene| s.challenge(ChallengeKind::SameStamp, &ROWS))]
#[case(|s: &mut Scene| s.standing.feed_at = Some(s.at - TimeDelta::seconds(600)))]
#[case(|s: &mut Scene| { let at = s.at; for book in s.books.values_mut() { book.received_at = at - TimeDelta::seconds(120); } })]
#[case(|s: &mut Scene| { s.move_to(check() - TimeDelta::seconds(606)); s.standing.news_at = Some(s.at); })]
#[case(|s: &mut Scene| s.standing.news_at = Some(s.at - TimeDelta::minutes(60)))]
fn at_the_edge_of_a_guard_it_enters(#[case] change: fn(&mut Scene)) {
    let mut scene = Scene::news();
    change(&mut scene);
    let evaluation = scene.evaluate();
    for ticker in MODELS {
        let why = line(&evaluation, ticker);
        // The other contracts of the check may already hold as much of the bet as is wanted.
        assert!(
            enters(why) || why.reason == Some(Reason::AtTarget),
            "{ticker}: {why:?}"
        );
    }
    assert!(MODELS.iter().any(|ticker| enters(line(&evaluation, ticker))));
}

fn tied_at_displayed_precision(s: &mut Scene) {
    rows_with(s, |rows| {
        (rows[0].2, rows[1].2) = (1500.4, 1500.3);
        rows[0].0 = "boreas-5".into();
        rows[1].0 = "aurora-6".into();
    });
}

fn close_before_the_check(s: &mut Scene) {
    s.move_to(check() - TimeDelta::hours(48));
    s.standing.news_at = Some(s.at);
    rows_with(s, |rows| (rows[0].2, rows[1].2) = (1503.6, 1502.7));
}

#[rstest]
#[case::by_precision(tied_at_displayed_precision)]
#[case::close_before_the_check(close_before_the_check)]
fn an_ambiguous_winner_is_valued_at_the_worse_reading(#[case] change: fn(&mut Scene)) {
    let mut scene = Scene::news();
    change(&mut scene);
    let evaluation = scene.evaluate();
    for ticker in ENTERED {
        let why = line(&evaluation, ticker);
        assert!(!enters(why), "{ticker}: {why:?}");
        assert_eq!(why.reason, Some(Reason::AmbiguousWinner), "{ticker}: {why:?}");
    }
}

#[test]
fn an_edge_that_survives_the_worse_reading_of_an_ambiguous_winner_is_taken() {
    let mut scene = Scene::news();
    close_before_the_check(&mut scene);
    // Who leads is a coin toss between two labs, and both are offered below what the loser is worth.
    scene.quote(NEW_LAB, "0.02", "0.03");
    scene.quote(OLD_LAB, "0.78", "0.79");
    let evaluation = scene.evaluate();
    let why = line(&evaluation, NEW_LAB);
    assert!(enters(why), "{why:?}");
    assert!(
        why.edge.unwrap() < 0.15,
        "not what the central reading is worth: {why:?}"
    );
    assert_eq!(
        line(&evaluation, NEW_LEADER).reason,
        Some(Reason::AmbiguousWinner)
    );
}

#[test]
fn a_lead_of_a_point_or_a_check_far_away_is_not_ambiguous() {
    for (gap, hours) in [(1.0, 48), (0.9, 49)] {
        let mut scene = Scene::news();
        scene.move_to(check() - TimeDelta::hours(hours));
        scene.standing.news_at = Some(scene.at);
        rows_with(&mut scene, |rows| (rows[0].2, rows[1].2) = (1503.6, 1503.6 - gap));
        let evaluation = scene.evaluate();
        assert!(
            enters(line(&evaluation, NEW_LEADER)),
            "{gap} points, {hours} hours"
        );
    }
}

#[test]
fn a_challenge_that_differs_inside_one_lab_concerns_the_models_only() {
    let mut scene = Scene::news();
    let mut rows = ROWS;
    rows[2].2 = 1504.0;
    scene.challenge(ChallengeKind::OlderVintage, &rows);
    let evaluation = scene.evaluate();
    assert!(
        MODELS
            .iter()
            .all(|ticker| line(&evaluation, ticker).reason == Some(Reason::OlderVintage))
    );
    assert!(enters(line(&evaluation, NEW_LAB)));
}

#[test]
fn no_on_a_strong_favourite_needs_fresh_news() {
    let mut scene = Scene::news();
    // The new leader is a favourite already, beyond what the model thinks; nobody else is dear.
    scene.quote(NEW_LEADER, "0.86", "0.88");
    scene.quote(OLD_LEADER, "0.02", "0.04");
    scene.params.min_edge_after_fees = price("0.02");
    let fresh = scene.evaluate();
    assert!(enters(line(&fresh, NEW_LEADER)));
    assert_eq!(
        fresh
            .intents
            .iter()
            .find(|i| i.ticker.as_str() == NEW_LEADER)
            .unwrap()
            .side,
        BookSide::Ask
    );
    scene.standing.news_at = None;
    let at_rest = scene.evaluate();
    assert!(!enters(line(&at_rest, NEW_LEADER)));
    assert_eq!(
        line(&at_rest, NEW_LEADER).reason,
        Some(Reason::NoAgainstFavourite)
    );
}

#[test]
fn a_frozen_contract_is_not_sold_either() {
    let mut scene = Scene::news();
    scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
    scene.quote(NEW_LEADER, "0.97", "0.98");
    scene.quote(OLD_LEADER, "0.01", "0.02");
    assert_eq!(
        scene.evaluate().intents[0].contracts,
        contracts("10"),
        "it would be sold"
    );
    rows_with(&mut scene, |rows| rows[0].0 = "aurora-6-high".into());
    scene
        .standing
        .renames
        .push(("aurora-6".into(), "aurora-6-high".into()));
    let evaluation = scene.evaluate();
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| intent.ticker.as_str() != NEW_LEADER)
    );
    assert_eq!(line(&evaluation, NEW_LEADER).reason, Some(Reason::Renamed));
}

#[test]
fn a_model_that_vanished_after_it_was_mapped_is_neither_bought_nor_sold() {
    let mut scene = Scene::news();
    let ticker = NEW_LEADER.parse().unwrap();
    let stale = scene.mappings().remove(&ticker).unwrap();
    scene.mapped.insert(ticker, stale);
    scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
    scene.quote(NEW_LEADER, "0.97", "0.98");
    rows_with(&mut scene, |rows| {
        rows.remove(0);
    });
    let evaluation = scene.evaluate();
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| intent.ticker.as_str() != NEW_LEADER)
    );
    assert_eq!(line(&evaluation, NEW_LEADER).fair, None);
}

#[test]
fn exits_are_not_stopped_by_guards_of_entries() {
    for change in [
        |s: &mut Scene| s.challenge(ChallengeKind::Held(HoldReason::ImplausibleJump), &ROWS),
        |s: &mut Scene| s.standing.feed_at = None,
        |s: &mut Scene| s.standing.news_at = None,
        |s: &mut Scene| s.move_to(check() - TimeDelta::seconds(30)),
    ] {
        let mut scene = Scene::news();
        scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
        scene.quote(NEW_LEADER, "0.97", "0.98");
        change(&mut scene);
        let evaluation = scene.evaluate();
        assert_eq!(evaluation.intents.len(), 1, "{evaluation:?}");
        assert_eq!(evaluation.intents[0].contracts, contracts("10"));
    }
}

#[test]
fn a_stale_book_stops_exits_too() {
    let mut scene = Scene::news();
    scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
    let ticker = NEW_LEADER.parse().unwrap();
    let book = quotes(&ticker, scene.at - TimeDelta::minutes(3), "0.97", "0.98", "300");
    scene.books.insert(ticker, book);
    let evaluation = scene.evaluate();
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| intent.ticker.as_str() != NEW_LEADER)
    );
}

#[test]
fn a_board_without_what_the_table_needs_prices_nothing() {
    let mut scene = Scene::news();
    scene.accept(|accepted| {
        let mut stripped = (*accepted.board).clone();
        for entry in &mut stripped.entries {
            entry.rank_ub = None;
            entry.score = Some(Rating::from_value(f64::NAN));
        }
        accepted.board = Arc::new(stripped);
    });
    let evaluation = scene.evaluate();
    assert!(evaluation.intents.is_empty());
    assert!(evaluation.why.iter().all(|why| why.fair.is_none()));
}
