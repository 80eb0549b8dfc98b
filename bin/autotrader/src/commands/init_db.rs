//! `init-db`: create or migrate the database.

use std::process::ExitCode;
use std::sync::Arc;

use autotrader_state::NewDatabaseId;
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// Creates the database or brings its schema up to date.
///
/// # Errors
/// [`Failure`] when the address is wrong, another process holds the database, or it belongs to another mode.
pub(crate) async fn init_db(args: ConfigArgs) -> Result<ExitCode, Failure> {
    let config = wiring::load_config(&args.place)?.config;
    let store = wiring::open_store(&config, NewDatabaseId::Random, Arc::new(SystemClock::new()))?;
    let info = store.info();
    if args.json {
        output::json(&json!({ "url": config.database.url, "database": info }))?;
    } else {
        output::line(&format!("{} is ready: {}.", config.database.url, info.stamp));
    }
    Ok(ExitCode::SUCCESS)
}
