//! What may be opened, and the sentence for what may not.

use autotrader_domain::ports::Ledger as _;
use autotrader_domain::{BookSide, Environment, Money};
use autotrader_state::{CommandDesk, History, NewDatabaseId, OpenError, SqliteStore, Stamp};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use crate::fixtures::{Home, at};

fn live(environment: Environment, account: &str) -> Stamp {
    Stamp::Live {
        environment,
        account: account.into(),
    }
}

/// Writes to a file as another program would.
fn alter(home: &Home, statements: &str) {
    let mut connection = SqliteConnection::establish(home.path().to_str().unwrap()).unwrap();
    connection.batch_execute(statements).unwrap();
}

#[test]
fn a_new_database_is_created_migrated_and_stamped() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(store.database_id(), "fixed");
    assert_eq!(store.info().stamp, Stamp::Paper);
    assert_eq!(store.info().created_at, at(0));
    assert_eq!(store.info().opening_cash, None);
    assert_eq!(store.history().info().unwrap(), *store.info());
    assert!(store.path().ends_with("books.db"));
}

#[test]
fn a_random_id_is_drawn_once() {
    let (first, second) = (Home::new(), Home::new());
    let open = |home: &Home| {
        let clock = home.clock.clone();
        SqliteStore::open(&home.url(), &Stamp::Paper, NewDatabaseId::Random, clock).unwrap()
    };
    let id = open(&first).database_id().to_owned();
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(open(&first).database_id(), id, "the id stays");
    assert_ne!(open(&second).database_id(), id);
}

#[test]
fn a_second_run_is_refused_until_the_first_ends() {
    let home = Home::new();
    let first = home.open();
    let error = home.try_open(&Stamp::Paper).unwrap_err();
    let expected = format!(
        "{} is in use by process {}: stop that one first",
        first.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    drop(first);
    home.open();
}

#[cfg(unix)]
#[test]
fn a_link_to_the_database_is_the_same_database() {
    let home = Home::new();
    let first = home.open();
    let link = home.path().with_file_name("link.db");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    let url = format!("sqlite:///{}", link.display());
    let error =
        SqliteStore::open(&url, &Stamp::Paper, NewDatabaseId::Random, home.clock.clone()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
}

#[test]
fn anothers_database_is_refused_naming_both() {
    let home = Home::new();
    let path = home.open().path().display().to_string();
    let demo = live(Environment::Demo, "key-1");
    let error = home.try_open(&demo).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{path} belongs to paper trading, not to live trading on demo account `key-1`: use another database"
        )
    );

    let home = Home::new();
    drop(home.try_open(&demo).unwrap());
    for other in [
        Stamp::Paper,
        live(Environment::Production, "key-1"),
        live(Environment::Demo, "key-2"),
    ] {
        let error = home.try_open(&other).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{other}: {error}");
    }
    home.try_open(&demo).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let home = Home::new();
    drop(home.open());
    alter(
        &home,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000');",
    );
    let error = home.try_open(&Stamp::Paper).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("was written by a newer version (schema 29990101000000): use that version"),
        "{error}"
    );
    assert!(matches!(History::open(&home.url()), Err(OpenError::Newer { .. })));
}

#[test]
fn an_older_database_is_not_read_but_named() {
    let home = Home::new();
    drop(home.open());
    alter(&home, "DELETE FROM __diesel_schema_migrations;");
    let error = History::open(&home.url()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("run `init-db` to bring it up to date"),
        "{error}"
    );
}

#[test]
fn another_programs_file_is_left_alone() {
    let home = Home::new();
    alter(&home, "CREATE TABLE trades (id INTEGER PRIMARY KEY);");
    let before = std::fs::read(home.path()).unwrap();
    let error = home.try_open(&Stamp::Paper).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert_eq!(std::fs::read(home.path()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let home = Home::new();
    std::fs::write(
        home.path(),
        "not a database, but long enough to be taken for one".repeat(40),
    )
    .unwrap();
    let error = home.try_open(&Stamp::Paper).unwrap_err();
    assert!(
        error.to_string().contains("is not a database of this program"),
        "{error}"
    );
}

#[test]
fn reading_creates_nothing() {
    let home = Home::new();
    for error in [
        History::open(&home.url()).unwrap_err(),
        SqliteStore::open_read_only(&home.url()).unwrap_err(),
        CommandDesk::open(&home.url(), home.clock.clone()).unwrap_err(),
    ] {
        assert!(
            error
                .to_string()
                .ends_with("does not exist: run `init-db` or `run` first"),
            "{error}"
        );
    }
    assert!(!home.path().exists());
}

#[test]
fn a_missing_directory_is_named() {
    let home = Home::new();
    let url = format!("sqlite:///{}/no/such/place.db", home.path().display());
    let error =
        SqliteStore::open(&url, &Stamp::Paper, NewDatabaseId::Random, home.clock.clone()).unwrap_err();
    assert!(error.to_string().contains("its directory"), "{error}");
}

#[tokio::test]
async fn opening_cash_is_said_once() {
    let home = Home::new();
    let store = home.open();
    store.set_opening_cash(Money::dollars(1_000)).await.unwrap();
    store.set_opening_cash(Money::dollars(1_000)).await.unwrap();
    let error = store.set_opening_cash(Money::dollars(999)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database contradicts this: this database opened with 1000.000000 dollars of cash, not 999.000000"
    );
    drop(store);
    let restored = home.open().restore().await.unwrap();
    assert_eq!(restored.opening_cash, Some(Money::dollars(1_000)));
}

#[test]
fn another_key_gets_a_live_database_only_from_the_key_that_has_it() {
    let home = Home::new();
    let (old, new) = (live(Environment::Demo, "old"), live(Environment::Demo, "new"));
    let adopt = |wanted: &Stamp, from: &str| SqliteStore::adopt_key(&home.url(), wanted, from, at(5));
    assert!(matches!(adopt(&new, "old"), Err(OpenError::Missing { .. })));
    let holder = home.try_open(&old).unwrap();
    assert!(matches!(adopt(&new, "old"), Err(OpenError::InUse { .. })));
    let id = holder.database_id().to_owned();
    drop(holder);
    let error = home.try_open(&new).unwrap_err().to_string();
    assert!(error.contains("`init-db --adopt-key`"), "{error}");
    for (wanted, from) in [
        (&new, "other"),
        (&new, "new"),
        (&live(Environment::Production, "new"), "old"),
        (&Stamp::Paper, "old"),
    ] {
        let error = adopt(wanted, from).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(home.try_open(&old).is_ok(), "nothing has changed");
    }
    let info = adopt(&new, "old").unwrap();
    assert_eq!((&info.stamp, info.database_id.as_str()), (&new, id.as_str()));
    let store = home.try_open(&new).unwrap();
    assert_eq!(store.database_id(), id, "the books and their id stay");
    let event = &store
        .history()
        .system_events(&autotrader_state::Filter::default())
        .unwrap()[0];
    assert_eq!(
        (event.name.as_str(), event.detail.as_str()),
        ("key_adopted", "from `old` to `new`")
    );
}

#[tokio::test]
async fn a_damaged_last_page_is_refused_before_anything_is_traded() {
    use autotrader_domain::ports::OrderStore as _;
    use std::io::{Seek as _, SeekFrom, Write as _};
    let home = Home::new();
    let store = home.open();
    for number in 0..200 {
        let fill = crate::fixtures::fill(&format!("f{number}"), "T-A", BookSide::Bid, "0.4", 1, number);
        store.record_fill(&fill).await.unwrap();
    }
    // Everything is in the database file itself when the last connection has gone.
    drop(store);
    assert!(home.try_open(&Stamp::Paper).is_ok());
    let mut file = std::fs::File::options().write(true).open(home.path()).unwrap();
    file.seek(SeekFrom::End(-4_096)).unwrap();
    file.write_all(&[0x5a; 4_096]).unwrap();
    drop(file);
    let error = home.try_open(&Stamp::Paper).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains("books.db is damaged: "), "{sentence}");
    assert!(sentence.ends_with("; restore a backup"), "{sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
}
