//! How much has to happen.

use std::time::Duration;

use autotrader_simulator::faults::{FaultDesk, FaultKind, FaultRule, Rate};

/// What a run has to reach.
#[derive(Debug)]
pub struct Scale {
    pub name: &'static str,
    /// WebSocket messages that our client received.
    pub messages: u64,
    /// Orders that our client asked for.
    pub orders: u64,
    /// How often every fault happened.
    pub each_fault: u64,
    /// How often per million messages each fault of the stream happens.
    pub stream_rate: u32,
    /// The longest that it may take to get there.
    pub longest: Duration,
    /// The most time, per cent of the run, in which a wanted book was not known; `None` where a run is too short to say.
    pub resync_percent: Option<f64>,
}

impl Scale {
    #[expect(
        clippy::disallowed_methods,
        reason = "the size of the run is asked of the environment of the test run"
    )]
    pub fn asked_for() -> Self {
        match std::env::var("AUTOTRADER_SOAK").as_deref() {
            Ok("full") => Self {
                name: "full",
                messages: 1_000_000,
                orders: 12_000,
                each_fault: 100,
                stream_rate: 65,
                longest: Duration::from_secs(1_200),
                resync_percent: Some(5.0),
            },
            _ => Self {
                name: "small",
                messages: 40_000,
                orders: 500,
                each_fault: 4,
                stream_rate: 250,
                longest: Duration::from_secs(300),
                resync_percent: None,
            },
        }
    }
}

/// The faults of this run: all but those of the leaderboard site, which this client never asks.
pub fn faults() -> impl Iterator<Item = FaultKind> {
    let all = FaultKind::ALL.iter().copied();
    all.filter(|kind| !kind.name().starts_with("page_"))
}

/// Every fault at a rate that brings about as many of each.
pub fn desk(scale: &Scale, seed: u64) -> FaultDesk {
    let mut desk = FaultDesk::new(seed);
    for kind in faults() {
        let mut rule = FaultRule::at_rate(kind, Rate::per_million(rate(scale, kind)));
        if let Some(milliseconds) = amount(kind) {
            rule.amount_ms = milliseconds;
        }
        desk.set_rule(kind, rule);
    }
    desk
}

/// Per million places; places differ in how often they come.
fn rate(scale: &Scale, kind: FaultKind) -> u32 {
    match kind {
        FaultKind::PartialPage | FaultKind::DisputedResult => 500_000,
        FaultKind::UnknownValue => 60_000,
        // Only numbered messages can skip numbers.
        FaultKind::WsGap => scale.stream_rate * 3 / 2,
        // The dearest: each costs the stream's whole patience.
        FaultKind::WsSilence => scale.stream_rate * 9 / 10,
        kind if kind.is_stream() => scale.stream_rate,
        _ => 9_000,
    }
}

/// Lengths in the pressed time of this run, in milliseconds.
fn amount(kind: FaultKind) -> Option<i64> {
    match kind {
        FaultKind::Latency => Some(5),
        FaultKind::TimeoutBefore | FaultKind::TimeoutAfter => Some(250),
        FaultKind::ForgottenIds => Some(1),
        FaultKind::ReadLag | FaultKind::DisputedResult => Some(50),
        FaultKind::WsSilence => Some(300),
        _ => None,
    }
}
