//! What waits for the reader: bounded, whatever the reader does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use autotrader_domain::Ticker;

use super::event::{Quote, ReconcileCause, StreamEvent, UnknownCause};

/// The latest word on a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Changed,
    Unknown(UnknownCause),
}

/// Events in their order, with the latest notice of each book and the latest quote of each market behind them.
///
/// Its size is bounded by `capacity` and the number of markets. Events beyond are dropped, counted, and followed by a
/// [`ReconcileCause::Overflow`]: reading on is better than making the exchange wait, because a connection that is not read
/// is cut, and books go stale.
#[derive(Debug)]
pub(crate) struct Outbox {
    capacity: usize,
    events: VecDeque<StreamEvent>,
    reconcile: VecDeque<ReconcileCause>,
    notices: BTreeMap<Ticker, Notice>,
    quotes: BTreeMap<Ticker, Quote>,
    overflowed: bool,
    /// Events dropped so far.
    pub(crate) dropped: u64,
}

impl Outbox {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            events: VecDeque::new(),
            reconcile: VecDeque::new(),
            notices: BTreeMap::new(),
            quotes: BTreeMap::new(),
            overflowed: false,
            dropped: 0,
        }
    }

    pub(crate) fn push(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Quote(quote) => {
                self.quotes.insert(quote.ticker.clone(), quote);
            }
            event if self.events.len() < self.capacity => self.events.push_back(event),
            _ => {
                self.dropped += 1;
                self.overflowed = true;
            }
        }
    }

    /// Asks for a reconcile. One request of each cause waits at a time.
    pub(crate) fn reconcile(&mut self, why: ReconcileCause) {
        if !self.reconcile.contains(&why) {
            self.reconcile.push_back(why);
        }
    }

    pub(crate) fn book_changed(&mut self, ticker: &Ticker) {
        self.notices.insert(ticker.clone(), Notice::Changed);
    }

    pub(crate) fn book_unknown(&mut self, ticker: &Ticker, why: UnknownCause) {
        self.notices.insert(ticker.clone(), Notice::Unknown(why));
    }

    /// Forgets what waits of markets that are not wanted any more.
    pub(crate) fn keep_markets(&mut self, wanted: &BTreeSet<Ticker>) {
        self.notices.retain(|ticker, _| wanted.contains(ticker));
        self.quotes.retain(|ticker, _| wanted.contains(ticker));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.reconcile.is_empty()
            && self.notices.is_empty()
            && self.quotes.is_empty()
            && !self.overflowed
    }

    /// The next event for the reader.
    pub(crate) fn pop(&mut self) -> Option<StreamEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        // After the events that were kept: what was dropped came later.
        if std::mem::take(&mut self.overflowed) {
            self.reconcile(ReconcileCause::Overflow);
        }
        if let Some(why) = self.reconcile.pop_front() {
            return Some(StreamEvent::Reconcile { why });
        }
        if let Some((ticker, notice)) = self.notices.pop_first() {
            return Some(match notice {
                Notice::Changed => StreamEvent::BookChanged(ticker),
                Notice::Unknown(why) => StreamEvent::BookUnknown { ticker, why },
            });
        }
        let (_, quote) = self.quotes.pop_first()?;
        Some(StreamEvent::Quote(quote))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Channel;
    use super::*;

    fn ticker(name: &str) -> Ticker {
        name.parse().unwrap()
    }

    #[test]
    fn a_slow_reader_costs_bounded_memory_and_learns_that_it_missed_something() {
        let mut outbox = Outbox::new(3);
        for _ in 0..5 {
            outbox.push(StreamEvent::Connected);
        }
        for _ in 0..1000 {
            outbox.book_changed(&ticker("A"));
            outbox.reconcile(ReconcileCause::Gap(Channel::Orderbook));
        }
        outbox.book_unknown(&ticker("A"), UnknownCause::Gap);
        assert_eq!(outbox.dropped, 2);
        let told: Vec<StreamEvent> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(
            told,
            [
                StreamEvent::Connected,
                StreamEvent::Connected,
                StreamEvent::Connected,
                StreamEvent::Reconcile {
                    why: ReconcileCause::Gap(Channel::Orderbook)
                },
                StreamEvent::Reconcile {
                    why: ReconcileCause::Overflow
                },
                StreamEvent::BookUnknown {
                    ticker: ticker("A"),
                    why: UnknownCause::Gap
                },
            ]
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn markets_that_are_not_wanted_leave() {
        let mut outbox = Outbox::new(3);
        outbox.book_changed(&ticker("A"));
        outbox.book_changed(&ticker("B"));
        outbox.keep_markets(&BTreeSet::from([ticker("B")]));
        assert_eq!(outbox.pop(), Some(StreamEvent::BookChanged(ticker("B"))));
        assert_eq!(outbox.pop(), None);
    }
}
