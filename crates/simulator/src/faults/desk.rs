//! Who decides whether a fault happens.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{FaultKind, FaultRule, Rate, Site};

/// How many of the last faults are remembered in words.
const NOTES: usize = 1_000;

/// A fault that happens now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultAction {
    /// What.
    pub kind: FaultKind,
    /// The rule's amount in milliseconds.
    pub amount_ms: i64,
    /// A uniform draw, for a choice within the fault: which place, which status.
    pub draw: u64,
    /// Counts all faults from 1.
    pub serial: u64,
}

impl FaultAction {
    /// The amount as a time to wait; nothing when it is negative.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.amount_ms).unwrap_or(0))
    }

    /// A choice among `count` things by the draw; nothing when there are none.
    #[must_use]
    pub fn choose(&self, count: usize) -> Option<usize> {
        let count = u64::try_from(count).ok()?;
        usize::try_from(self.draw.checked_rem(count)?).ok()
    }
}

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultNote {
    /// Counts all faults from 1.
    pub serial: u64,
    /// When, by the exchange's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: FaultKind,
    /// Where: method and path, or `WS` and the message type.
    pub site: String,
    /// What exactly was done, where there was a choice.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// One kind's rule, standing orders and counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultState {
    /// How it behaves by itself.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// It happens at the next so many places, whatever the rate.
    pub next: u32,
    /// It happens at every place in these times: from, until (excluded).
    pub windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many places in its scope were asked about.
    pub asked: u64,
    /// How often it happened.
    pub fired: u64,
}

impl FaultState {
    const fn new(kind: FaultKind) -> Self {
        Self {
            rule: FaultRule::never(kind),
            next: 0,
            windows: Vec::new(),
            asked: 0,
            fired: 0,
        }
    }

    fn in_window(&self, at: DateTime<Utc>) -> bool {
        self.windows
            .iter()
            .any(|(from, until)| (*from..*until).contains(&at))
    }
}

/// Decides, for every place where a fault could happen, whether it does.
#[derive(Debug, Clone, Serialize)]
pub struct FaultDesk {
    seed: u64,
    states: BTreeMap<FaultKind, FaultState>,
    serial: u64,
    #[serde(rename = "recent")]
    notes: VecDeque<FaultNote>,
}

impl Default for FaultDesk {
    fn default() -> Self {
        Self::new(0)
    }
}

impl FaultDesk {
    /// A desk at which nothing happens until it is told to.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            states: BTreeMap::new(),
            serial: 0,
            notes: VecDeque::new(),
        }
    }

    /// The seed of its draws.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    fn state_mut(&mut self, kind: FaultKind) -> &mut FaultState {
        self.states.entry(kind).or_insert_with(|| FaultState::new(kind))
    }

    /// Replaces a kind's rule; standing orders, windows and counts stay.
    pub fn set_rule(&mut self, kind: FaultKind, rule: FaultRule) {
        self.state_mut(kind).rule = rule;
    }

    /// Changes a kind's rate and leaves the rest of its rule.
    pub fn set_rate(&mut self, kind: FaultKind, rate: Rate) {
        self.state_mut(kind).rule.rate = rate;
    }

    /// A kind's rule now.
    #[must_use]
    pub fn rule(&self, kind: FaultKind) -> FaultRule {
        self.states
            .get(&kind)
            .map_or_else(|| FaultRule::never(kind), |state| state.rule.clone())
    }

    /// Lets a fault happen at the next `count` places in its scope, in addition to those ordered before.
    pub fn next(&mut self, kind: FaultKind, count: u32) {
        let state = self.state_mut(kind);
        state.next = state.next.saturating_add(count);
    }

    /// Lets a fault happen at every place in its scope from `from` until `until` (excluded), by the exchange's clock.
    pub fn window(&mut self, kind: FaultKind, from: DateTime<Utc>, until: DateTime<Utc>) {
        self.state_mut(kind).windows.push((from, until));
    }

    /// Ends all rules, standing orders and windows; counts and draws stay.
    pub fn clear(&mut self) {
        for (kind, state) in &mut self.states {
            state.rule = FaultRule::never(*kind);
            state.next = 0;
            state.windows.clear();
        }
    }

    /// Whether a fault could happen at a place: to spare the work of finding out whether it is possible there.
    #[must_use]
    pub fn is_armed(&self, kind: FaultKind, site: Site<'_>, at: DateTime<Utc>) -> bool {
        self.states.get(&kind).is_some_and(|state| {
            (state.rule.rate > Rate::NEVER || state.next > 0 || state.in_window(at))
                && state.rule.scope.covers(site)
        })
    }

    /// Whether a fault happens at a place, which must be one where it can be carried out: what happens is counted.
    pub fn fires(&mut self, kind: FaultKind, site: Site<'_>, at: DateTime<Utc>) -> Option<FaultAction> {
        if !self.is_armed(kind, site, at) {
            return None;
        }
        let seed = self.seed;
        let state = self.state_mut(kind);
        let draws = Draws::of(seed, kind, state.asked);
        state.asked = state.asked.wrapping_add(1);
        state.windows.retain(|(_, until)| *until > at);
        let ordered = state.next > 0;
        if !ordered && !state.in_window(at) && !state.rule.rate.hits(draws.chance) {
            return None;
        }
        state.next = state.next.saturating_sub(1);
        state.fired = state.fired.saturating_add(1);
        let amount_ms = state.rule.amount_ms;
        self.serial = self.serial.saturating_add(1);
        if self.notes.len() >= NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(FaultNote {
            serial: self.serial,
            at,
            kind,
            site: site.to_string(),
            detail: String::new(),
        });
        Some(FaultAction {
            kind,
            amount_ms,
            draw: draws.choice,
            serial: self.serial,
        })
    }

    /// Adds to the note of a fault what exactly was done.
    pub fn explain(&mut self, action: &FaultAction, detail: impl Into<String>) {
        // Notes are numbered without gaps, and the one meant is nearly always the last.
        if let Some(note) = self
            .notes
            .iter_mut()
            .rev()
            .find(|note| note.serial == action.serial)
        {
            note.detail = detail.into();
        }
    }

    /// How often each kind happened; kinds that never did are absent.
    #[must_use]
    pub fn fired(&self) -> BTreeMap<FaultKind, u64> {
        self.states
            .iter()
            .filter(|(_, state)| state.fired > 0)
            .map(|(kind, state)| (*kind, state.fired))
            .collect()
    }

    /// How often one kind happened.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.states.get(&kind).map_or(0, |state| state.fired)
    }

    /// The state of every kind that was ever ordered.
    #[must_use]
    pub const fn states(&self) -> &BTreeMap<FaultKind, FaultState> {
        &self.states
    }

    /// The faults after the one with a serial number, as far as they are remembered.
    pub fn notes_after(&self, serial: u64) -> impl Iterator<Item = &FaultNote> {
        let known = self.notes.partition_point(|note| note.serial <= serial);
        self.notes.range(known..)
    }

    /// The last thousand faults, oldest first.
    pub fn notes(&self) -> impl DoubleEndedIterator<Item = &FaultNote> {
        self.notes.iter()
    }
}

/// The two numbers drawn for one question.
struct Draws {
    chance: u64,
    choice: u64,
}

impl Draws {
    /// A function of seed, kind and the count of questions alone, so that no kind moves another's draws.
    fn of(seed: u64, kind: FaultKind, asked: u64) -> Self {
        // The name, not the position in the list: a new kind leaves the old ones' draws as they were.
        let name = kind
            .name()
            .bytes()
            .fold(seed, |state, byte| mix(state ^ u64::from(byte)));
        let chance = mix(name ^ mix(asked));
        Self {
            chance,
            choice: mix(chance),
        }
    }
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): adds the golden ratio and scrambles.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::Scope;
    use super::*;

    const CREATE: Site<'static> = Site {
        method: "POST",
        path: "/portfolio/events/orders",
    };
    const LIST: Site<'static> = Site {
        method: "GET",
        path: "/portfolio/orders",
    };

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn fired(desk: &mut FaultDesk, kind: FaultKind, questions: usize) -> Vec<Option<FaultAction>> {
        (0..questions).map(|_| desk.fires(kind, LIST, start())).collect()
    }

    #[test]
    fn nothing_happens_until_it_is_ordered() {
        let mut desk = FaultDesk::new(1);
        for kind in FaultKind::ALL {
            assert_eq!(desk.fires(*kind, CREATE, start()), None, "{kind}");
        }
        assert!(desk.fired().is_empty());
    }

    #[test]
    fn the_next_so_many_places_are_hit_and_no_more() {
        let mut desk = FaultDesk::new(1);
        desk.next(FaultKind::WsDrop, 2);
        desk.next(FaultKind::WsDrop, 1);
        let hits = fired(&mut desk, FaultKind::WsDrop, 5).iter().flatten().count();
        assert_eq!((hits, desk.count(FaultKind::WsDrop)), (3, 3));
    }

    #[test]
    fn a_place_outside_the_scope_spends_no_order() {
        let mut desk = FaultDesk::new(1);
        desk.next(FaultKind::LostAnswer, 1);
        assert_eq!(desk.fires(FaultKind::LostAnswer, LIST, start()), None);
        assert!(desk.fires(FaultKind::LostAnswer, CREATE, start()).is_some());
    }

    #[test]
    fn a_window_is_open_from_its_start_until_its_end() {
        let mut desk = FaultDesk::new(1);
        let at = |seconds| start() + TimeDelta::seconds(seconds);
        desk.window(FaultKind::ClockSkew, at(10), at(20));
        for (second, hit) in [(9, false), (10, true), (19, true), (20, false), (21, false)] {
            assert_eq!(
                desk.fires(FaultKind::ClockSkew, LIST, at(second)).is_some(),
                hit,
                "{second}"
            );
        }
    }

    #[test]
    fn a_rate_is_kept_to_within_chance() {
        let mut desk = FaultDesk::new(11);
        desk.set_rate(FaultKind::WsGap, Rate::per_ten_thousand(500));
        let hits = fired(&mut desk, FaultKind::WsGap, 20_000)
            .iter()
            .flatten()
            .count();
        // 1 000 expected, standard deviation 31.
        assert!((850..=1_150).contains(&hits), "{hits}");
    }

    #[test]
    fn clearing_ends_everything_but_the_counts() {
        let mut desk = FaultDesk::new(1);
        desk.set_rule(
            FaultKind::Latency,
            FaultRule {
                rate: Rate::ALWAYS,
                amount_ms: 9,
                scope: Scope::Reads,
            },
        );
        let action = desk.fires(FaultKind::Latency, LIST, start()).unwrap();
        assert_eq!(action.duration(), Duration::from_millis(9));
        desk.next(FaultKind::Latency, 1);
        desk.clear();
        assert_eq!(desk.fires(FaultKind::Latency, LIST, start()), None);
        assert_eq!(desk.count(FaultKind::Latency), 1);
        assert_eq!(
            desk.rule(FaultKind::Latency),
            FaultRule::never(FaultKind::Latency)
        );
    }

    #[test]
    fn notes_say_where_and_what_and_the_oldest_go_first() {
        let mut desk = FaultDesk::new(1);
        desk.set_rate(FaultKind::MissingField, Rate::ALWAYS);
        for n in 1..=NOTES + 5 {
            let action = desk.fires(FaultKind::MissingField, LIST, start()).unwrap();
            desk.explain(&action, format!("field {n}"));
        }
        let notes: Vec<_> = desk.notes().collect();
        assert_eq!(notes.len(), NOTES);
        assert_eq!((notes[0].serial, notes[0].detail.as_str()), (6, "field 6"));
        assert_eq!(notes[0].site, "GET /portfolio/orders");
    }

    proptest! {
        #[test]
        fn equal_seeds_and_questions_give_equal_faults(seed: u64, rate in 0_u32..10_000, questions in 0_usize..200) {
            let run = || {
                let mut desk = FaultDesk::new(seed);
                desk.set_rate(FaultKind::Latency, Rate::per_ten_thousand(rate));
                fired(&mut desk, FaultKind::Latency, questions)
            };
            prop_assert_eq!(run(), run());
        }

        #[test]
        fn one_kind_does_not_move_another(seed: u64, others in 0_usize..50) {
            let hits = |others: usize| {
                let mut desk = FaultDesk::new(seed);
                desk.set_rate(FaultKind::WsDrop, Rate::per_ten_thousand(3_000));
                desk.set_rate(FaultKind::Latency, Rate::ALWAYS);
                let mut all = Vec::new();
                for _ in 0..40 {
                    fired(&mut desk, FaultKind::Latency, others);
                    all.push(desk.fires(FaultKind::WsDrop, LIST, start()).map(|action| action.draw));
                }
                all
            };
            prop_assert_eq!(hits(0), hits(others));
        }
    }
}
