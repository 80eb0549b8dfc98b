//! The state of the core as data: wherever it is taken, a core that goes on from it does the same, byte for byte.

use autotrader_arena_signals::{VintageKeeper, VintageSettings};
use autotrader_engine::{Engine, Snapshot};
use autotrader_risk::{Limits, RiskEngine};

use crate::stage::{Stage, Taken, settings, strategy};

/// A core from the text of a state.
fn resumed(text: &str) -> Engine {
    let snapshot: Snapshot = serde_json::from_str(text).unwrap();
    Engine::from_snapshot(
        settings(),
        Box::new(VintageKeeper::new(VintageSettings::default())),
        Box::new(strategy()),
        RiskEngine::new(Limits::default()),
        snapshot,
    )
    .unwrap()
}

/// A story with news, doubts, orders, a rename and a long silence.
fn story(stage: &mut Stage) {
    use super::{first, overtaken, score, with};
    stage.show(&overtaken(), 24);
    stage.pass(120);
    stage.quote_what_it_thinks();
    stage.pass(90);
    let glitch = with(|board| score(board, "aurora-5", 1640.0));
    stage.show(&glitch, 25);
    stage.pass(60);
    stage.show(&overtaken(), 24);
    let renamed = with(|board| board.entries[0].model_name = "aurora-5-high".to_owned());
    stage.show(&renamed, 26);
    stage.pass(60);
    stage.fail(900);
    stage.show(&first(), 30);
    stage.pass(120);
}

#[test]
fn a_core_that_goes_on_from_a_state_does_the_same() {
    let mut stage = Stage::on(&super::first());
    stage.record();
    story(&mut stage);
    let taken = stage.taken();
    assert!(taken.len() > 200, "{}", taken.len());
    assert!(
        taken.iter().any(|step| step.body.contains("\"place\"")),
        "orders are part of the story"
    );
    let states = taken.iter().enumerate().filter(|(_, step)| step.state.is_some());
    let mut compared = 0;
    for (place, state) in states {
        let mut core = resumed(state.state.as_ref().unwrap());
        for Taken {
            at,
            event,
            body,
            chain,
            ..
        } in taken.iter().skip(place).take(60)
        {
            let record = core.handle(*at, event).unwrap().record;
            assert_eq!(record.body, *body, "from state {place}");
            assert_eq!(record.chain, *chain);
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let mut stage = Stage::on(&super::first());
    stage.record();
    story(&mut stage);
    for step in stage.taken() {
        if let Some(text) = &step.state {
            let again = serde_json::to_string(&resumed(text).snapshot().unwrap()).unwrap();
            assert_eq!(again, *text);
        }
    }
}
