//! Dying: the process under test is killed at every named step, at random moments, and by the loss of power; its successor
//! must end with the exchange's own books.
//!
//! The stand-in exchange lives in the test's own process. Each life of the program is a child process of the same
//! executable, which assembles the real store, client, executor and core and tells a story (`scene.rs`). Both share a clock
//! that moves only with the child's steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops loudly at what it did not expect"
)]

mod disk;
mod life;
#[expect(dead_code, reason = "shared with the system tests")]
#[path = "../system/place.rs"]
mod place;
mod points;
mod ports;
mod probe;
#[expect(dead_code, reason = "shared with the system tests")]
#[path = "../system/process.rs"]
mod process;
mod program;
mod random;
mod scene;
mod script;
mod shared_clock;
mod stage;
mod truth;
mod venue;
mod world;

/// What this process was told to live, when it is a child.
#[expect(
    clippy::disallowed_methods,
    reason = "a child process is told its part by a variable"
)]
fn orders() -> Option<life::Orders> {
    let text = std::env::var(stage::VARIABLE).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn a_story_is_told_to_its_end() {
    if let Some(orders) = orders() {
        life::live(&orders);
        return;
    }
    let stage = stage::Stage::set(&scene::MEDLEY);
    let (stage::End::Told(report), points) = stage.life(None) else {
        panic!("nobody killed it")
    };
    assert_eq!(truth::differences(&stage, &report), [""; 0]);
    assert!(points.len() > 500, "a story of many steps: {}", points.len());
}
