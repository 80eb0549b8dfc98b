//! Every crash point: each distinct pair of a named step and an order state is found, listed, and died at.
//!
//! The points of undisturbed stories are recorded first. Then a process dies at each, another one takes over, and the
//! points that only such a successor comes to are died at in turn, until no death brings a new one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};

use crate::ports::CALLS;
use crate::probe::{How, Point, When};
use crate::scene::{SCENES, Scene};
use crate::stage::{End, Stage, WIRE};
use crate::truth;

/// Stories told at once.
const AT_ONCE: usize = 4;

/// How often a point is sought that was reached once: what happens beside each other has no fixed order, so that what a
/// death leaves behind may differ from one time to the next.
const TRIES: usize = 12;

/// How many ways to one point are remembered.
const MOST_WAYS: usize = 6;

/// Successors that may follow each other before a story must be told.
const MOST_LIVES: usize = 6;

/// A way to a point: the deaths before it, and the point itself.
#[derive(Debug, Clone)]
struct Way {
    scene: &'static Scene,
    points: Vec<Point>,
}

/// What has been found out so far.
#[derive(Default)]
struct Known {
    ways: BTreeMap<Point, Vec<Way>>,
    todo: VecDeque<(Point, How)>,
    busy: usize,
    deaths: BTreeMap<How, usize>,
    wrong: Vec<String>,
}

#[derive(Default)]
struct Board {
    known: Mutex<Known>,
    changed: Condvar,
}

impl Known {
    /// Takes in the points that a life came to after the deaths of `before`.
    fn learn(&mut self, scene: &'static Scene, before: &[Point], points: &[Point]) {
        for point in points {
            if before.len() >= MOST_LIVES {
                continue;
            }
            let points = [before, std::slice::from_ref(point)].concat();
            let ways = self.ways.entry(point.clone()).or_default();
            let is_new = ways.is_empty();
            if ways.len() < MOST_WAYS && ways.iter().all(|way| way.points != points) {
                ways.push(Way { scene, points });
            }
            if is_new {
                self.todo
                    .extend([How::Kill, How::Abort, How::PowerLoss].map(|how| (point.clone(), how)));
            }
        }
    }
}

impl Board {
    /// The next death to be died; `None` when there is none and none can come any more.
    fn next(&self) -> Option<(Point, How)> {
        let mut known = self.known.lock().unwrap();
        loop {
            if let Some(next) = known.todo.pop_front() {
                known.busy += 1;
                return Some(next);
            }
            if known.busy == 0 {
                return None;
            }
            known = self.changed.wait(known).unwrap();
        }
    }

    fn done(&self, work: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap();
        work(&mut known);
        known.busy -= 1;
        self.changed.notify_all();
    }

    /// Dies at a point, by whichever way to it is open this time.
    fn die_at(&self, point: &Point, how: How) -> Option<(Way, Died)> {
        (0..TRIES).find_map(|number| {
            let ways = self.known.lock().unwrap().ways[point].clone();
            let way = ways[number % ways.len()].clone();
            let died = catch_unwind(AssertUnwindSafe(|| die_along(&way, how)));
            let died = died.unwrap_or_else(|_| Some(Died::badly()))?;
            Some((way, died))
        })
    }

    fn work(&self) {
        while let Some((last, how)) = self.next() {
            let died = self.die_at(&last, how);
            self.done(|known| {
                let Some((way, died)) = died else {
                    known.wrong.push(format!("{last}: not reached again ({how:?})"));
                    return;
                };
                *known.deaths.entry(how).or_default() += 1;
                for (index, points) in died.seen.iter().enumerate() {
                    known.learn(way.scene, &way.points[..index], points);
                }
                let found = died.differences.into_iter();
                known
                    .wrong
                    .extend(found.map(|wrong| format!("{how:?} at {last} in `{}`: {wrong}", way.scene.name)));
            });
        }
    }
}

/// What came of a way.
struct Died {
    /// The points of each life.
    seen: Vec<Vec<Point>>,
    differences: Vec<String>,
}

impl Died {
    /// A life that ended as nobody told it to; the harness has written down how.
    fn badly() -> Self {
        Self {
            seen: Vec::new(),
            differences: vec!["a life ended as nobody told it to".to_owned()],
        }
    }
}

/// Dies along a way and lets a last life tell the story; `None` when a point of the way was not reached.
fn die_along(way: &Way, how: How) -> Option<Died> {
    let stage = Stage::set(way.scene);
    if how == How::PowerLoss {
        stage.expect_power_loss();
    }
    let mut seen = Vec::new();
    for point in &way.points {
        let (end, points) = stage.life(Some((When::At(point.clone()), how)));
        seen.push(points);
        if let End::Told(_) = end {
            return None;
        }
    }
    let (end, points) = stage.life(None);
    seen.push(points);
    match end {
        End::Told(report) => Some(Died {
            seen,
            differences: truth::differences(&stage, &report),
        }),
        End::Died => panic!("nobody killed it"),
    }
}

#[test]
fn a_process_that_dies_at_any_point_is_taken_over_without_a_difference() {
    let board = Board::default();
    for scene in SCENES {
        let stage = Stage::set(scene);
        let (end, points) = stage.life(None);
        let End::Told(report) = end else {
            panic!("`{}` was not told", scene.name)
        };
        assert_eq!(
            truth::differences(&stage, &report),
            [""; 0],
            "`{}`, undisturbed",
            scene.name
        );
        board.known.lock().unwrap().learn(scene, &[], &points);
    }
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| board.work());
        }
    });
    let known = board.known.into_inner().unwrap();
    list(&known);
    let calls: BTreeSet<&str> = known.ways.keys().map(Point::call).collect();
    let missed: Vec<&str> = CALLS
        .iter()
        .chain(&WIRE)
        .copied()
        .filter(|call| !calls.contains(call))
        .collect();
    assert_eq!(missed, [""; 0], "steps that no story comes to");
    assert!(
        known.wrong.is_empty(),
        "{} of {} deaths: {:#?}",
        known.wrong.len(),
        known.deaths.values().sum::<usize>(),
        known.wrong
    );
}

/// Lists every point, whether the test harness shows output or not.
fn list(known: &Known) {
    let mut out = std::io::stderr().lock();
    let mut by_step: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for point in known.ways.keys() {
        by_step.entry(&point.step).or_default().push(&point.state);
    }
    for (step, states) in &by_step {
        writeln!(out, "crash point {step}: {}", states.join(", ")).unwrap();
    }
    let lives: BTreeMap<usize, usize> = known.ways.values().fold(BTreeMap::new(), |mut lives, ways| {
        *lives.entry(ways[0].points.len()).or_default() += 1;
        lives
    });
    writeln!(
        out,
        "crash points: {} pairs of {} steps and order states in {} stories; by the life that first comes to them: {lives:?}; deaths {:?}",
        known.ways.len(),
        by_step.len(),
        SCENES.len(),
        known.deaths
    )
    .unwrap();
}
