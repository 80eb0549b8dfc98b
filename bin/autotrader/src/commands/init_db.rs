//! `init-db`: create or migrate the database.

use std::process::ExitCode;
use std::sync::Arc;

use autotrader_domain::ports::Clock as _;
use autotrader_state::NewDatabaseId;
use serde_json::json;

use crate::cli::InitDbArgs;
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// Creates the database or brings its schema up to date.
///
/// # Errors
/// [`Failure`] when the address is wrong, another process holds the database, or it belongs to another mode.
pub(crate) async fn init_db(args: InitDbArgs) -> Result<ExitCode, Failure> {
    let InitDbArgs {
        config: args,
        adopt_key,
    } = args;
    let config = wiring::load_config(&args.place)?.config;
    if let Some(old_key) = adopt_key {
        wiring::adopt_key(&config, &old_key, SystemClock::new().now())?;
    }
    let store = wiring::open_store(&config, NewDatabaseId::Random, Arc::new(SystemClock::new()))?;
    let info = store.info();
    if args.json {
        output::json(&json!({ "url": config.database.url, "database": info }))?;
    } else {
        output::line(&format!("{} is ready: {}.", config.database.url, info.stamp));
    }
    Ok(ExitCode::SUCCESS)
}
