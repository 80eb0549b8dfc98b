//! When which job is due: start to start, so that slow answers do not make the rhythm drift.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// What the run loop does by itself, in the order it is done when several are due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// Commands of other processes and the `HALT` file.
    Control,
    /// New markets, and whether the exchange takes orders.
    Markets,
    /// Books of the markets watched.
    Books,
    /// The leaderboard.
    Page,
    /// Fills, orders and settlements.
    Account,
    /// Our books against the venue's.
    Reconcile,
}

impl Job {
    /// Every job.
    pub(crate) const ALL: [Self; 6] = [
        Self::Control,
        Self::Markets,
        Self::Books,
        Self::Page,
        Self::Account,
        Self::Reconcile,
    ];

    /// The least time between two runs, however much happens.
    fn shortest_interval(self) -> TimeDelta {
        TimeDelta::milliseconds(match self {
            // As often as decisions are made on books that changed.
            Self::Books => 200,
            Self::Account => 500,
            Self::Control | Self::Page => 1_000,
            // Listings of whole series, and of the whole account.
            Self::Markets | Self::Reconcile => 5_000,
        })
    }
}

/// How often each job is done.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    pub(crate) control: TimeDelta,
    pub(crate) markets: TimeDelta,
    pub(crate) books: TimeDelta,
    pub(crate) page: TimeDelta,
    pub(crate) page_jitter: TimeDelta,
    pub(crate) account: TimeDelta,
    pub(crate) reconcile: TimeDelta,
}

impl Rhythm {
    fn interval(&self, job: Job) -> TimeDelta {
        match job {
            Job::Control => self.control,
            Job::Markets => self.markets,
            Job::Books => self.books,
            Job::Page => self.page,
            Job::Account => self.account,
            Job::Reconcile => self.reconcile,
        }
    }
}

/// The next time of each job.
#[derive(Debug)]
pub(crate) struct Schedule {
    rhythm: Rhythm,
    next: BTreeMap<Job, DateTime<Utc>>,
    ran: BTreeMap<Job, DateTime<Utc>>,
    jitter_state: u64,
    last: DateTime<Utc>,
}

impl Schedule {
    /// Everything due at `start`, except the reconciliation, which the start itself has done.
    pub(crate) fn starting(start: DateTime<Utc>, rhythm: Rhythm, jitter_seed: u64) -> Self {
        let mut next: BTreeMap<Job, DateTime<Utc>> = Job::ALL.into_iter().map(|job| (job, start)).collect();
        next.insert(Job::Reconcile, start + rhythm.reconcile);
        Self {
            rhythm,
            next,
            ran: BTreeMap::new(),
            jitter_state: jitter_seed | 1,
            last: start,
        }
    }

    /// Leaves a job out from now on.
    pub(crate) fn leave_out(&mut self, job: Job) {
        self.next.remove(&job);
    }

    /// Whether a job is due at `now`, whatever else is; it is then moved to its next time.
    pub(crate) fn take_alone(&mut self, job: Job, now: DateTime<Utc>) -> bool {
        let interval = self.rhythm.interval(job);
        match self.next.get_mut(&job) {
            // One that is too far ahead belongs to a wall clock that was set back.
            Some(at) if *at <= now || *at > now + interval => {
                *at = now + interval;
                true
            }
            _ => false,
        }
    }

    /// The jobs due at `now`, in order; each is moved to its next time.
    pub(crate) fn take_due(&mut self, now: DateTime<Utc>) -> Vec<Job> {
        if now < self.last {
            // The wall clock was set back: every beat moves with it, or nothing would be due for that long.
            let back = self.last - now;
            let times = self.next.values_mut().chain(self.ran.values_mut());
            times.for_each(|at| *at -= back);
        }
        self.last = now;
        let due: Vec<Job> = self
            .next
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(job, _)| *job)
            .collect();
        for job in &due {
            let interval = self.rhythm.interval(*job);
            let jitter = if *job == Job::Page {
                self.jitter()
            } else {
                TimeDelta::zero()
            };
            self.ran.insert(*job, now);
            if let Some(at) = self.next.get_mut(job) {
                // After a long stop there is one run, not one for every beat missed.
                *at = (*at + interval).max(now + interval / 2) + jitter;
            }
        }
        due
    }

    /// Makes a job due because something happened, at once or when its shortest interval is over: a busy stream must not
    /// make it run without a pause.
    pub(crate) fn pull_forward(&mut self, job: Job, now: DateTime<Utc>) {
        let earliest = self
            .ran
            .get(&job)
            .map_or(now, |ran| *ran + job.shortest_interval());
        if let Some(at) = self.next.get_mut(&job) {
            *at = (*at).min(earliest.max(now));
        }
    }

    /// The next time anything is due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.next.values().min().copied()
    }

    /// Between zero and the configured jitter (xorshift, so that a seed repeats it).
    fn jitter(&mut self) -> TimeDelta {
        self.jitter_state ^= self.jitter_state << 13;
        self.jitter_state ^= self.jitter_state >> 7;
        self.jitter_state ^= self.jitter_state << 17;
        let most = self.rhythm.page_jitter.num_milliseconds().unsigned_abs();
        let drawn = if most == 0 {
            0
        } else {
            self.jitter_state % (most + 1)
        };
        TimeDelta::milliseconds(i64::try_from(drawn).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn schedule(page_jitter: i64) -> Schedule {
        let s = TimeDelta::seconds;
        let rhythm = Rhythm {
            control: s(1),
            markets: s(300),
            books: s(5),
            page: s(30),
            page_jitter: s(page_jitter),
            account: s(10),
            reconcile: s(300),
        };
        Schedule::starting(at(0), rhythm, 42)
    }

    #[test]
    fn everything_but_the_reconciliation_is_due_at_the_start() {
        let mut schedule = schedule(0);
        assert_eq!(
            schedule.take_due(at(0)),
            [Job::Control, Job::Markets, Job::Books, Job::Page, Job::Account]
        );
        assert_eq!(schedule.take_due(at(0)), []);
        assert_eq!(schedule.next_due(), Some(at(1)));
    }

    #[test]
    fn the_rhythm_is_start_to_start_and_a_long_stop_is_not_made_up_for() {
        let mut schedule = schedule(0);
        schedule.take_due(at(0));
        let pages = |schedule: &mut Schedule, now| schedule.take_due(at(now)).contains(&Job::Page);
        assert!(pages(&mut schedule, 33), "late by 3 s");
        assert!(!pages(&mut schedule, 59));
        assert!(pages(&mut schedule, 60), "and on the beat again");
        assert!(pages(&mut schedule, 6_000));
        assert!(!pages(&mut schedule, 6_001));
    }

    #[test]
    fn a_clock_that_is_set_back_takes_the_beats_with_it() {
        let mut schedule = schedule(0);
        schedule.take_due(at(7_200));
        schedule.take_due(at(3_600));
        assert!(schedule.next_due().unwrap() <= at(3_602));
        assert!(schedule.take_due(at(3_640)).contains(&Job::Page));
    }

    #[test]
    fn what_happens_pulls_a_job_forward_but_never_faster_than_its_shortest_interval() {
        let ms = |millis| at(100) + TimeDelta::milliseconds(millis);
        let mut schedule = schedule(0);
        schedule.take_due(at(100));
        schedule.pull_forward(Job::Books, ms(50));
        assert_eq!(schedule.take_due(ms(50)), []);
        assert_eq!(schedule.next_due(), Some(ms(200)));
        assert_eq!(schedule.take_due(ms(210)), [Job::Books]);
        assert!(
            schedule.next.get(&Job::Books).unwrap() > &ms(4_000),
            "its rhythm goes on"
        );
        schedule.pull_forward(Job::Books, ms(900));
        assert!(schedule.take_due(ms(900)).contains(&Job::Books));
    }

    #[test]
    fn jitter_stays_within_its_bound() {
        let mut schedule = schedule(2);
        let mut now = 0;
        for _ in 0..200 {
            schedule.take_due(at(now));
            let next = schedule.next.get(&Job::Page).copied().unwrap();
            let gap = next - at(now);
            assert!(
                gap >= TimeDelta::seconds(15) && gap <= TimeDelta::seconds(33),
                "{gap}"
            );
            now = next.timestamp() + 1;
        }
    }
}
