//! `simulate`: the stand-in exchange and leaderboard on one loopback port.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::Clock as _;
use autotrader_simulator::server::{AdminToken, LogSink, ServerOptions, SimKeys, spawn};
use autotrader_simulator::{World, WorldOptions};
use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::{KeyTypeArg, SimulateArgs};
use crate::clock::SystemClock;
use crate::run::Stop;
use crate::{Failure, output};

/// How often the world moves when nobody asks.
const MOVE_EVERY: Duration = Duration::from_millis(500);

/// Days of script; after that the last board stays.
const DAYS: u32 = 2;

/// Serves until it is told to stop; prints one JSON line when ready.
///
/// # Errors
/// [`Failure`] when the address is not on this machine or taken, or keys, token or log cannot be written.
pub(crate) async fn simulate(args: SimulateArgs) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listening();
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen: {} is not a loopback address; the stand-in serves this machine only.",
            args.listen
        )));
    }
    keep_foreign_key(&args.key_dir)?;
    let keys =
        SimKeys::generate(&mut rand_source()).map_err(|error| Failure::failed(format!("key: {error}.")))?;
    // Whoever reads the ready line may work elsewhere.
    let files = std::path::absolute(&args.key_dir)
        .and_then(|directory| keys.write_to(&directory))
        .map_err(|error| {
            Failure::failed(format!("{}: cannot be written: {error}.", args.key_dir.display()))
        })?;
    let admin = args.admin.then(|| AdminToken::generate(&mut rand_source()));
    let admin_token_path = match (&admin, files.key_id.parent()) {
        (Some(token), Some(directory)) => Some(token.write_to(directory).map_err(|error| {
            Failure::failed(format!("{}: cannot be written: {error}.", args.key_dir.display()))
        })?),
        _ => None,
    };
    let log = args.log.as_deref().map(log_sink).transpose()?;
    let clock = Arc::new(SystemClock::new());
    let options = WorldOptions {
        seed: args.seed,
        start: clock.now(),
        days: DAYS,
        tweak_row: None,
    };
    let world = World::live(&options);
    let server_options = ServerOptions {
        keys: keys
            .api_keys()
            .into_iter()
            .map(|key| (key, world.trader()))
            .collect(),
        move_every: Some(MOVE_EVERY),
        limits: Some(args.tier),
        faults: args.faults.unwrap_or_default().desk(args.fault_seed),
        admin,
        log,
        ..ServerOptions::default()
    };
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::failed(format!("{}: cannot be listened on: {error}.", args.listen)))?;
    let server = spawn(
        listener,
        Arc::new(Mutex::new(world)),
        clock,
        server_options,
        std::future::pending(),
    )
    .map_err(|error| Failure::failed(format!("server: {error}.")))?;
    let (key_id, key_id_path, private_key_path) = match args.key_type {
        KeyTypeArg::Rsa => (keys.key_id(), files.key_id, files.private_key),
        KeyTypeArg::Ed25519 => (
            keys.ed25519_key_id(),
            files.ed25519_key_id.clone(),
            files.ed25519_private_key.clone(),
        ),
    };
    let mut ready = json!({
        "ready": true,
        "base_url": server.base_url(),
        "websocket_url": server.websocket_url(),
        "leaderboard_url": server.leaderboard_url(),
        "key_id": key_id,
        "key_id_path": key_id_path,
        "private_key_path": private_key_path,
        "private_key_pkcs1_path": files.private_key_pkcs1,
        "ed25519_key_id": keys.ed25519_key_id(),
        "ed25519_private_key_path": files.ed25519_private_key,
        "read_only_key_id": keys.read_only_key_id(),
        "read_only_private_key_path": files.read_only_private_key,
        "seed": args.seed,
    });
    if let (Some(url), Some(path), Some(fields)) =
        (server.admin_url(), admin_token_path, ready.as_object_mut())
    {
        fields.insert("admin_url".to_owned(), url.into());
        fields.insert("admin_token_path".to_owned(), json!(path));
    }
    output::line(&ready.to_string());
    stop.asked().await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A private key without the stand-in's `key_id` beside it is somebody's real one.
fn keep_foreign_key(directory: &Path) -> Result<(), Failure> {
    let key = directory.join("private_key.pem");
    let present = |path: &Path| path.symlink_metadata().is_ok();
    if present(&key) && !present(&directory.join("key_id")) {
        return Err(Failure::failed(format!(
            "{}: not written by the stand-in and not overwritten; name another --key-dir.",
            key.display()
        )));
    }
    Ok(())
}

/// A new log file; an existing one is somebody's evidence and is not overwritten.
fn log_sink(path: &Path) -> Result<LogSink, Failure> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| Failure::failed(format!("--log {}: cannot be created: {error}.", path.display())))?;
    // Lines are flushed one by one.
    Ok(Box::new(BufWriter::new(file)))
}

/// The operating system's randomness: a key of the stand-in must not be guessable by other users of the machine.
fn rand_source() -> rand::rngs::OsRng {
    rand::rngs::OsRng
}
