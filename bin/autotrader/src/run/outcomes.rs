//! Asking what contracts paid that we do not hold: nothing of ours waits for the answer, so it is never asked for in a hurry.

use std::collections::BTreeMap;

use autotrader_domain::Ticker;
use chrono::{DateTime, TimeDelta, Utc};

use super::runner::Runner;

/// How soon the result of a contract is asked for again.
const AGAIN_AFTER: TimeDelta = TimeDelta::hours(1);

/// How many results are asked for at once: an event has some twenty contracts.
const AT_ONCE: usize = 20;

/// When the result of each contract was asked for last.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<Ticker, DateTime<Utc>>);

impl Asked {
    /// Which of some contracts are asked for now; they count as asked for.
    fn due(&mut self, now: DateTime<Utc>, undecided: Vec<Ticker>) -> Vec<Ticker> {
        self.0.retain(|_, at| now - *at < AGAIN_AFTER);
        let due: Vec<Ticker> = undecided
            .into_iter()
            .filter(|ticker| !self.0.contains_key(ticker))
            .take(AT_ONCE)
            .collect();
        self.0.extend(due.iter().map(|ticker| (ticker.clone(), now)));
        due
    }
}

impl Runner {
    /// Contracts that we do not hold and whose result is to be asked for now.
    pub(crate) fn undecided(&mut self) -> Vec<Ticker> {
        let now = self.ports.clock.now();
        self.asked.due(now, self.engine.undecided(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_asked_for_at_a_time_and_each_hourly() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let all: Vec<Ticker> = (10..40).map(|name| format!("T{name}").parse().unwrap()).collect();
        let mut asked = Asked::default();
        assert_eq!(asked.due(at(0), all.clone()), all[..20]);
        assert_eq!(asked.due(at(5), all.clone()), all[20..]);
        assert_eq!(asked.due(at(59), all.clone()), []);
        assert_eq!(asked.due(at(60), all.clone()), all[..20]);
    }
}
