//! The real program: killed at random moments while it trades, and on disks that fail.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::disk::damage_last_page;
use crate::process::{Deadline, SHORT, finish};
use crate::venue::{Venue, pages};

/// Venues that are traded on side by side, and how often the program is killed on each.
const VENUES: u64 = 3;
const KILLS: usize = 10;

/// A life writes at most so many lines before it is killed.
const MOST_LINES: usize = 70;

/// How long a life may take to write its lines.
const LIVES_FOR: Duration = Duration::from_secs(120);

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn the_program_is_killed_at_random_moments_and_agrees_with_the_exchange() {
    let outcomes: Vec<(usize, usize, Vec<String>)> = std::thread::scope(|scope| {
        let venues: Vec<_> = (0..VENUES)
            .map(|seed| scope.spawn(move || killed_and_started_again(40 + seed)))
            .collect();
        venues.into_iter().map(|venue| venue.join().unwrap()).collect()
    });
    let fills: usize = outcomes.iter().map(|(fills, _, _)| fills).sum();
    let orders: usize = outcomes.iter().map(|(_, orders, _)| orders).sum();
    writeln!(
        std::io::stderr(),
        "the program, killed {} times: {orders} orders, {fills} fills",
        KILLS * outcomes.len()
    )
    .unwrap();
    let wrong: Vec<&String> = outcomes.iter().flat_map(|(_, _, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(orders > 0, "something was traded");
}

/// Fills, orders and differences of one venue.
fn killed_and_started_again(seed: u64) -> (usize, usize, Vec<String>) {
    let mut random = StdRng::seed_from_u64(seed);
    let venue = Venue::open(seed);
    for number in 0..KILLS {
        let mut run = venue.run();
        let deadline = Deadline::after(LIVES_FOR);
        if number % 3 == 0 {
            // Where orders are: a leader changes within a minute.
            run.until("order_approved", deadline);
        }
        for _ in 0..random.gen_range(0..MOST_LINES) {
            assert!(run.next_line(deadline).is_some(), "ended by itself");
        }
        run.kill();
        assert_eq!(run.end(SHORT).code, None);
        venue.orders_asked();
    }
    let mut run = venue.run();
    // An order that was stored and never sent is given up only when it was absent for long enough.
    let deadline = Deadline::after(LIVES_FOR);
    loop {
        run.until("arena_leaderboard_fetched", deadline);
        if !venue.has_unresolved() {
            break;
        }
    }
    Venue::leaves(run);
    // On a machine too busy to leave in time the next start resolves what was under way.
    let mut run = venue.run();
    pages(&mut run, 1);
    Venue::leaves(run);
    (venue.fills(), venue.orders_asked(), venue.differences())
}

#[test]
fn the_program_on_a_full_disk_halts_says_so_and_goes_on_living() {
    let venue = Venue::open(7);
    venue.finish(&["init-db"]).succeeded();
    let mut run = crate::process::Running::start(
        &mut venue.autotrader_under("trap '' XFSZ; ulimit -S -f 160", &["run"]),
    );
    run.until("store_not_durable", Deadline::after(LIVES_FOR));
    let asked = venue.orders_asked();
    // The loop is not caught in writing what cannot be written.
    pages(&mut run, 3);
    assert_eq!(venue.orders_asked(), asked, "nothing is placed while halted");
    // The lock of the database names its process.
    let process = fs::read_to_string(venue.place.work().join("books.db.lock")).unwrap();
    let roomy = Command::new("prlimit")
        .args(["--pid", process.trim(), "--fsize=unlimited"])
        .status();
    if roomy.is_ok_and(|status| status.success()) {
        until_status_says_halted(&venue, &mut run);
    } else {
        writeln!(
            std::io::stderr(),
            "skipped: the limit of another process cannot be lifted here"
        )
        .unwrap();
    }
    Venue::leaves(run);
    assert_eq!(venue.orders_asked(), asked);
}

/// With room again the halt is written down, and another process can tell.
#[track_caller]
fn until_status_says_halted(venue: &Venue, run: &mut crate::process::Running) {
    let deadline = Deadline::after(LIVES_FOR);
    loop {
        run.until("arena_leaderboard_fetched", deadline);
        let status = venue.status();
        let causes = status["causes"].as_array().unwrap();
        let is_cause = |cause: &Value| cause["cause"] == "store_not_durable";
        if causes.iter().any(is_cause) {
            assert_eq!(status["state"], "halt");
            return;
        }
    }
}

#[test]
fn the_program_refuses_a_damaged_database_in_one_sentence() {
    let venue = Venue::open(7);
    venue.finish(&["init-db"]).succeeded();
    damage_last_page(&venue.place.work().join("books.db"));
    let refused = venue.finish(&["run"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let line = refused.stderr.lines().last().unwrap();
    assert!(line.starts_with("error: database: "), "{line}");
    assert!(
        line.contains("books.db is damaged: ") && line.contains("restore a backup"),
        "{line}"
    );
    assert_eq!(venue.orders_asked(), 0);
}

#[test]
fn the_program_refuses_what_it_may_not_write_in_one_sentence() {
    for (directory, file) in [(0o555, 0o644), (0o755, 0o444)] {
        let venue = Venue::open(7);
        venue.finish(&["init-db"]).succeeded();
        venue.open_to_all();
        let work = venue.place.work();
        let mut command = venue.autotrader(&["run"]);
        let owner = fs::metadata(&work).unwrap().uid();
        if owner == 0 {
            // Nothing is read-only to root, so that the program runs as somebody else.
            command.uid(NOBODY).gid(NOBODY);
            for name in [".", "books.db", "books.db.lock", "key.pem"] {
                chown(work.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(work.join("books.db"), file);
        if directory == 0o555 {
            fs::remove_file(work.join("books.db.lock")).unwrap();
        }
        mode(work.clone(), directory);
        let refused = finish(&mut command, SHORT);
        mode(work, 0o755);
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        let line = refused.stderr.lines().last().unwrap();
        assert!(
            line.starts_with("error: database: ") && (line.contains("books.db") || line.contains("readonly")),
            "{line}"
        );
        assert_eq!(venue.orders_asked(), 0);
    }
}
