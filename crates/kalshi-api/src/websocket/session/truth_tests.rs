//! Whatever an adversary does to the messages: a book that is said to be known is the exchange's, and every book comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_domain::{Monotonic, Ticker};
use chrono::DateTime;
use proptest::prelude::*;

use super::venue::Venue;
use super::{Action, Session};
use crate::websocket::event::DisconnectCause;
use crate::websocket::settings::StreamLimits;
use crate::websocket::subscription::At;

const MARKETS: [&str; 4] = ["KXA-1", "KXA-2", "KXB-1", "KXB-2"];

#[derive(Debug, Clone)]
pub(super) enum Step {
    Change(usize, bool, i64, i64),
    Deliver(usize),
    Drop,
    Duplicate,
    SwapNext,
    Truncate,
    UnknownType,
    Overflow,
    Reset,
    Wait(u64),
    Want(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..4_usize, any::<bool>(), 1..6_i64, -300..400_i64)
            .prop_map(|(market, yes, at, delta)| Step::Change(market, yes, at * 700, delta)),
        20 => (1..5_usize).prop_map(Step::Deliver),
        4 => Just(Step::Drop),
        4 => Just(Step::Duplicate),
        4 => Just(Step::SwapNext),
        1 => Just(Step::Truncate),
        2 => Just(Step::UnknownType),
        1 => Just(Step::Overflow),
        1 => Just(Step::Reset),
        6 => (1..3_000_u64).prop_map(Step::Wait),
        2 => (0..16_u8).prop_map(Step::Want),
    ]
}

pub(super) struct World {
    pub(super) session: Session,
    pub(super) venue: Venue,
    pub(super) millis: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(StreamLimits {
            markets_per_command: 2,
            markets_per_subscription: 3,
            ..StreamLimits::default()
        })
    }

    pub(super) fn with(limits: StreamLimits) -> Self {
        Self {
            session: Session::new(limits),
            venue: Venue::with_markets(&MARKETS),
            millis: 0,
        }
    }

    pub(super) fn at(&self) -> At {
        At {
            wall: DateTime::UNIX_EPOCH + Duration::from_millis(self.millis),
            mono: Monotonic(Duration::from_millis(self.millis)),
        }
    }

    pub(super) fn want(&mut self, mask: u8) {
        let wanted = MARKETS.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0);
        let wanted: BTreeSet<Ticker> = wanted.map(|(_, name)| name.parse().unwrap()).collect();
        let at = self.at();
        self.session.set_markets(at, wanted);
    }

    pub(super) fn hear(&mut self, text: &str) {
        let at = self.at();
        self.session.text(at, text);
        self.act();
        self.check();
    }

    /// Carries commands to the venue; a closed connection comes back at once.
    pub(super) fn act(&mut self) {
        loop {
            let actions = self.session.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    Action::Send(text) => self.venue.receive(&text),
                    Action::Ping => {
                        let at = self.at();
                        self.session.heard(at);
                    }
                    Action::Close => {
                        self.venue.drop_connection();
                        let at = self.at();
                        self.session.connected(at);
                    }
                }
            }
        }
    }

    /// Every known book equals the exchange's at the last number taken of its subscription.
    pub(super) fn check(&self) {
        for (ticker, sid, seq, book) in self.session.known_books() {
            let truth = self.venue.truth(sid, seq, ticker.as_str());
            assert_eq!(
                Some(book),
                truth.map(super::venue::Truth::as_book),
                "{ticker} at {sid}/{seq}"
            );
        }
    }

    pub(super) fn take(&mut self, step: &Step) {
        match *step {
            Step::Change(market, is_yes, at, delta) => {
                // Apart, so that the books do not cross: YES bids below 0.35, NO bids below 0.35.
                self.venue.change(MARKETS[market], is_yes, at, delta);
            }
            Step::Deliver(count) => {
                for _ in 0..count {
                    if let Some(text) = self.venue.out.pop_front() {
                        self.hear(&text);
                    }
                }
            }
            Step::Drop => {
                self.venue.out.pop_front();
            }
            Step::Duplicate => {
                if let Some(text) = self.venue.out.front().cloned() {
                    self.venue.out.push_front(text);
                }
            }
            Step::SwapNext => {
                if self.venue.out.len() >= 2 {
                    self.venue.out.swap(0, 1);
                }
            }
            Step::Truncate => {
                if let Some(mut text) = self.venue.out.pop_front() {
                    text.truncate(text.len() / 2);
                    self.hear(&text);
                }
            }
            Step::UnknownType => {
                if let Some(sid) = self.venue.sids().first().copied() {
                    self.venue.tell(sid, "orderbook_rumour", None, None);
                }
            }
            Step::Overflow => self.venue.overflow(),
            Step::Reset => {
                self.venue.drop_connection();
                let at = self.at();
                self.session
                    .disconnected(at, DisconnectCause::Lost("reset".to_owned()));
                self.session.connected(at);
            }
            Step::Wait(millis) => {
                self.millis += millis;
                let at = self.at();
                self.session.tick(at);
            }
            Step::Want(mask) => self.want(mask),
        }
        self.act();
        self.check();
    }

    /// Without an adversary: everything is delivered, time goes on.
    pub(super) fn calm(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.take(&Step::Wait(100));
            while let Some(text) = self.venue.out.pop_front() {
                self.hear(&text);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_known_book_is_true_and_every_book_comes_back(steps in prop::collection::vec(step(), 0..160)) {
        let mut world = World::new();
        world.want(0b0111);
        let at = world.at();
        world.session.connected(at);
        world.act();
        for step in &steps {
            world.take(step);
        }
        world.want(0b1111);
        world.calm(40_000);
        prop_assert!(world.session.is_settled(), "{:?}", world.session);
        let known = world.session.known_books();
        prop_assert_eq!(known.len(), MARKETS.len());
        for (ticker, _, _, book) in known {
            prop_assert_eq!(&book, &world.venue.books[ticker.as_str()].as_book(), "{}", ticker);
        }
        // The reader sees the same books.
        for name in MARKETS {
            prop_assert!(world.session.book(&name.parse().unwrap()).is_some());
        }
    }
}
