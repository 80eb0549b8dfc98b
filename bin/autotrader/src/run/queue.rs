//! Which order effect is carried out next. Pure: every rule of it is tested without a network.
//!
//! Cancels come before placements, placements keep the order in which the core decided them, and what was decided too
//! long ago, or may no longer be sent, is taken back instead of being sent late.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use autotrader_domain::{ClientOrderId, Monotonic, Purpose};
use autotrader_risk::RiskState;

/// Something to be sent: an approved order, or what stands for one in tests.
pub(crate) trait Placement {
    /// The order's id.
    fn id(&self) -> &ClientOrderId;
    /// What the order is for.
    fn purpose(&self) -> Purpose;
}

/// Which placements may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// All.
    Open,
    /// All but entries.
    NoEntries,
    /// Only those of an operator's flatten.
    FlattenOnly,
    /// None.
    Shut,
}

impl Gate {
    /// What a risk state lets pass.
    pub(crate) const fn of(state: RiskState) -> Self {
        match state {
            RiskState::Active => Self::Open,
            RiskState::NoEntries | RiskState::Reduce => Self::NoEntries,
            RiskState::Halt => Self::FlattenOnly,
        }
    }

    const fn lets_pass(self, purpose: Purpose) -> bool {
        match self {
            Self::Open => true,
            Self::NoEntries => !matches!(purpose, Purpose::Entry),
            Self::FlattenOnly => matches!(purpose, Purpose::Flatten),
            Self::Shut => false,
        }
    }
}

/// How much is carried out at once, and how long a decision keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    /// Placements on the wire at once; as many cancels go beside them, so that no placement can hold a cancel up.
    pub(crate) at_once: usize,
    /// How old a decision may be when its order is sent.
    pub(crate) longest_wait: Duration,
}

/// What kind of effect is on the wire for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A placement.
    Place,
    /// A cancel.
    Cancel,
}

/// The next thing to carry out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<P> {
    /// Send this.
    Place(P),
    /// Take this off the book.
    Cancel(ClientOrderId),
}

/// Order effects that wait, and which are on the wire.
#[derive(Debug)]
pub(crate) struct OrderQueue<P> {
    limits: QueueLimits,
    cancels: VecDeque<ClientOrderId>,
    places: VecDeque<(Monotonic, P)>,
    busy: BTreeMap<ClientOrderId, Kind>,
}

impl<P: Placement> OrderQueue<P> {
    pub(crate) const fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            cancels: VecDeque::new(),
            places: VecDeque::new(),
            busy: BTreeMap::new(),
        }
    }

    /// Adds a placement that was decided at `now`.
    pub(crate) fn place(&mut self, placement: P, now: Monotonic) {
        self.places.push_back((now, placement));
    }

    /// Adds a cancel. A placement that still waits is given back: it need not be sent at all.
    pub(crate) fn cancel(&mut self, id: ClientOrderId) -> Option<P> {
        if let Some(at) = self.places.iter().position(|(_, waiting)| *waiting.id() == id) {
            return self.places.remove(at).map(|(_, placement)| placement);
        }
        if self.busy.get(&id) != Some(&Kind::Cancel) && !self.cancels.contains(&id) {
            self.cancels.push_back(id);
        }
        None
    }

    /// Whether a placement of this order waits.
    pub(crate) fn waits(&self, id: &ClientOrderId) -> bool {
        self.places.iter().any(|(_, waiting)| waiting.id() == id)
    }

    /// Takes out the placements that are not to be sent any more, each with the reason.
    pub(crate) fn weed(&mut self, gate: Gate, now: Monotonic) -> Vec<(P, &'static str)> {
        let mut kept = VecDeque::with_capacity(self.places.len());
        let mut weeded = Vec::new();
        for (decided, placement) in std::mem::take(&mut self.places) {
            if !gate.lets_pass(placement.purpose()) {
                weeded.push((placement, "Not sent: trading was restricted while it waited."));
            } else if now.0.saturating_sub(decided.0) > self.limits.longest_wait {
                weeded.push((
                    placement,
                    "Not sent: its decision was too old when its turn came.",
                ));
            } else {
                kept.push_back((decided, placement));
            }
        }
        self.places = kept;
        weeded
    }

    /// The next effect whose turn has come; it counts as on the wire until [`OrderQueue::finished`]. While placements are
    /// held only cancels come. A cancel of an order that is being placed waits for the placement's answer.
    pub(crate) fn next(&mut self, hold_placements: bool) -> Option<Next<P>> {
        if self.on_wire(Kind::Cancel) < self.limits.at_once {
            let free = self.cancels.iter().position(|id| !self.busy.contains_key(id));
            if let Some(id) = free.and_then(|at| self.cancels.remove(at)) {
                self.busy.insert(id.clone(), Kind::Cancel);
                return Some(Next::Cancel(id));
            }
        }
        if hold_placements || self.on_wire(Kind::Place) >= self.limits.at_once {
            return None;
        }
        let (_, placement) = self.places.pop_front()?;
        self.busy.insert(placement.id().clone(), Kind::Place);
        Some(Next::Place(placement))
    }

    /// The effect of an order that was on the wire has ended.
    pub(crate) fn finished(&mut self, id: &ClientOrderId) {
        self.busy.remove(id);
    }

    /// How many effects of a kind are on the wire.
    pub(crate) fn on_wire(&self, kind: Kind) -> usize {
        self.busy.values().filter(|busy| **busy == kind).count()
    }

    /// Whether nothing waits and nothing is on the wire.
    pub(crate) fn is_idle(&self) -> bool {
        self.cancels.is_empty() && self.places.is_empty() && self.busy.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Fake(ClientOrderId, Purpose);

    impl Placement for Fake {
        fn id(&self) -> &ClientOrderId {
            &self.0
        }

        fn purpose(&self) -> Purpose {
            self.1
        }
    }

    fn id(name: &str) -> ClientOrderId {
        name.parse().unwrap()
    }

    fn at(seconds: u64) -> Monotonic {
        Monotonic(Duration::from_secs(seconds))
    }

    fn queue(at_once: usize) -> OrderQueue<Fake> {
        OrderQueue::new(QueueLimits {
            at_once,
            longest_wait: Duration::from_secs(5),
        })
    }

    fn entry(name: &str) -> Fake {
        Fake(id(name), Purpose::Entry)
    }

    #[test]
    fn placements_keep_their_order_and_their_number() {
        let mut queue = queue(2);
        for name in ["best", "second", "third"] {
            queue.place(entry(name), at(0));
        }
        assert_eq!(queue.next(false), Some(Next::Place(entry("best"))));
        assert_eq!(queue.next(false), Some(Next::Place(entry("second"))));
        assert_eq!(queue.next(false), None, "two at once");
        queue.finished(&id("second"));
        assert_eq!(queue.next(false), Some(Next::Place(entry("third"))));
        queue.finished(&id("best"));
        queue.finished(&id("third"));
        assert!(queue.is_idle());
    }

    #[test]
    fn cancels_come_first_and_have_their_own_places_on_the_wire() {
        let mut queue = queue(1);
        queue.place(entry("a"), at(0));
        assert_eq!(queue.next(false), Some(Next::Place(entry("a"))));
        queue.place(entry("b"), at(0));
        queue.cancel(id("old"));
        queue.cancel(id("older"));
        assert_eq!(queue.next(false), Some(Next::Cancel(id("old"))));
        assert_eq!(queue.next(false), None);
        queue.finished(&id("old"));
        assert_eq!(queue.next(false), Some(Next::Cancel(id("older"))));
    }

    #[test]
    fn a_cancel_of_what_waits_takes_it_back_and_one_of_what_is_on_the_wire_waits_for_the_answer() {
        let mut queue = queue(1);
        queue.place(entry("a"), at(0));
        queue.place(entry("b"), at(0));
        assert_eq!(queue.next(false), Some(Next::Place(entry("a"))));
        assert_eq!(queue.cancel(id("b")), Some(entry("b")));
        assert_eq!(queue.cancel(id("a")), None);
        assert_eq!(queue.cancel(id("a")), None, "asked for twice, done once");
        assert_eq!(queue.next(false), None);
        queue.finished(&id("a"));
        assert_eq!(queue.next(false), Some(Next::Cancel(id("a"))));
        assert_eq!(queue.cancel(id("a")), None);
        queue.finished(&id("a"));
        assert!(queue.is_idle(), "a cancel on the wire is not asked for again");
    }

    #[test]
    fn placements_can_be_held_and_cancels_cannot() {
        let mut queue = queue(4);
        queue.place(entry("a"), at(0));
        queue.cancel(id("old"));
        assert_eq!(queue.next(true), Some(Next::Cancel(id("old"))));
        assert_eq!(queue.next(true), None);
        assert_eq!(queue.next(false), Some(Next::Place(entry("a"))));
    }

    #[test]
    fn what_may_not_be_sent_is_taken_back() {
        let all = [Purpose::Entry, Purpose::Exit, Purpose::Flatten];
        for (state, sent) in [
            (RiskState::Active, &all[..]),
            (RiskState::NoEntries, &all[1..]),
            (RiskState::Reduce, &all[1..]),
            (RiskState::Halt, &all[2..]),
        ] {
            let mut queue = queue(4);
            for (name, purpose) in ["a", "b", "c"].into_iter().zip(all) {
                queue.place(Fake(id(name), purpose), at(0));
            }
            let weeded = queue.weed(Gate::of(state), at(1));
            assert_eq!(weeded.len(), all.len() - sent.len(), "{state:?}");
            for purpose in sent {
                match queue.next(false) {
                    Some(Next::Place(Fake(_, found))) => assert_eq!(found, *purpose),
                    other => panic!("{state:?}: {other:?}"),
                }
            }
        }
        let mut queue = queue(4);
        queue.place(Fake(id("a"), Purpose::Flatten), at(0));
        assert_eq!(queue.weed(Gate::Shut, at(0)).len(), 1);
    }

    #[test]
    fn a_decision_keeps_for_a_while_and_no_longer() {
        let mut queue = queue(1);
        queue.place(entry("a"), at(10));
        assert!(queue.weed(Gate::Open, at(15)).is_empty());
        let weeded = queue.weed(Gate::Open, at(16));
        assert_eq!(weeded.len(), 1);
        assert!(weeded[0].1.contains("too old"));
        assert!(queue.is_idle());
    }
}
