//! Loading: find the layers, merge them, check what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use autotrader_domain::ExecutionMode;
use figment::Figment;

use crate::layers::{Layer, Variables, embedded, files, merge};
use crate::yaml::one_line;
use crate::{Config, ConfigError, ranges, secret_files};

/// Where the configuration comes from. Nothing here is read from the process itself, so tests can say all of it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The directory named by the operator; `None` for `config`, which may be absent.
    pub directory: Option<PathBuf>,
    /// The execution mode named by a flag.
    pub execution_mode: Option<ExecutionMode>,
    /// The variables of the process.
    pub variables: BTreeMap<String, String>,
    /// The directory whose `.env` is read.
    pub working_directory: PathBuf,
}

/// A valid configuration and what the operator should hear about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

/// The variables of this process: the one place that reads the environment.
#[must_use]
pub fn environment_variables() -> BTreeMap<String, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate is the one that reads the environment"
    )]
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Loads, merges and checks the configuration.
///
/// # Errors
/// [`ConfigError`] with the file or variable and the key: unreadable files, bad YAML, unknown keys, wrong types, values
/// out of range, and in live mode secrets that others may read.
pub fn load(request: &Request) -> Result<Loaded, ConfigError> {
    let environment = Variables {
        origin: "",
        values: request.variables.clone(),
    };
    let dotenv_path = request.working_directory.join(".env");
    let dotenv = read_dotenv(&dotenv_path)?;
    let flags = flags(request);
    let base = base_layer(request)?;
    let mode = execution_mode(&base, &dotenv, &environment, request)?;
    let layers = all_layers(request, mode)?;
    forbid_mode_in_overlay(&layers, mode)?;
    let figment = merge(&layers, &dotenv, &environment, &flags);
    let config = extract(&figment, &layers, &[&flags, &environment, &dotenv])?;
    if let Some((key, detail)) = ranges::first_violation(&config) {
        return Err(ConfigError::Key {
            place: place_of(key, &layers, &[&flags, &environment, &dotenv]),
            key: key.into(),
            detail,
        });
    }
    let warnings = check_secrets(&config, &dotenv_path, request)?;
    Ok(Loaded { config, warnings })
}

fn flags(request: &Request) -> Variables {
    let mode = request
        .execution_mode
        .map(|mode| ("AUTOTRADER__KALSHI__EXECUTION_MODE".to_owned(), mode.to_string()));
    Variables {
        origin: " (from --execution-mode)",
        values: mode.into_iter().collect(),
    }
}

fn read_dotenv(path: &Path) -> Result<Variables, ConfigError> {
    let mut values = BTreeMap::new();
    if path.is_file() {
        let mut place = "at the top".to_owned();
        for item in dotenvy::from_path_iter(path).map_err(|error| dotenv_error(path, &place, &error))? {
            let (name, value) = item.map_err(|error| dotenv_error(path, &place, &error))?;
            place = format!("after {name}");
            values.insert(name, value);
        }
    }
    Ok(Variables {
        origin: " in .env",
        values,
    })
}

/// The parser's own words repeat the line, and the line may hold a secret: only its place is told.
fn dotenv_error(path: &Path, place: &str, error: &dotenvy::Error) -> ConfigError {
    let detail = match error {
        dotenvy::Error::LineParse(..) => format!("the variable {place} cannot be read; quote its value"),
        other => one_line(&other.to_string()),
    };
    ConfigError::File {
        path: path.display().to_string(),
        detail,
    }
}

/// The directory in force: the named one, else `config` when it is there, else none.
fn directory(request: &Request) -> Option<PathBuf> {
    request.directory.clone().or_else(|| {
        let default = request.working_directory.join("config");
        default.is_dir().then_some(default)
    })
}

/// The first layer that is not YAML: asked before anything is looked up in the layers.
fn check_syntax(layers: Vec<Layer>) -> Result<Vec<Layer>, ConfigError> {
    for layer in &layers {
        if let Err(error) = Figment::from(layer.clone()).extract::<figment::value::Dict>() {
            let detail = one_line(&error.kind.to_string());
            return Err(ConfigError::File {
                path: layer.name.clone(),
                detail,
            });
        }
    }
    Ok(layers)
}

fn all_layers(request: &Request, mode: ExecutionMode) -> Result<Vec<Layer>, ConfigError> {
    let overlay = mode.to_string();
    match directory(request) {
        // The built-in defaults lie below the files, so that a directory needs to say only what differs.
        Some(directory) => {
            let mut layers = embedded(&overlay);
            layers.extend(files(&directory, &overlay)?);
            check_syntax(layers)
        }
        None => Ok(embedded(&overlay)),
    }
}

fn base_layer(request: &Request) -> Result<Vec<Layer>, ConfigError> {
    let mut layers: Vec<Layer> = embedded("paper").into_iter().take(1).collect();
    if let Some(directory) = directory(request) {
        layers.extend(files(&directory, "paper")?.into_iter().take(1));
    }
    check_syntax(layers)
}

/// The mode found in flag, environment, `.env` or base: it chooses the overlay.
fn execution_mode(
    base: &[Layer],
    dotenv: &Variables,
    environment: &Variables,
    request: &Request,
) -> Result<ExecutionMode, ConfigError> {
    if let Some(mode) = request.execution_mode {
        return Ok(mode);
    }
    let figment = merge(base, dotenv, environment, &flags(request));
    let key = "kalshi.execution_mode";
    figment
        .extract_inner::<ExecutionMode>(key)
        .map_err(|error| ConfigError::Key {
            place: place_of(key, base, &[environment, dotenv]),
            key: key.into(),
            detail: one_line(&error.kind.to_string()),
        })
}

fn forbid_mode_in_overlay(layers: &[Layer], mode: ExecutionMode) -> Result<(), ConfigError> {
    let overlay = format!("{mode}.yaml");
    match layers
        .iter()
        .find(|layer| layer.name.ends_with(&overlay) && sets(layer, "kalshi.execution_mode"))
    {
        Some(layer) => Err(ConfigError::Key {
            place: layer.name.clone(),
            key: "kalshi.execution_mode".into(),
            detail: "an overlay may not set it; set it in base.yaml, the environment or by --execution-mode"
                .into(),
        }),
        None => Ok(()),
    }
}

fn sets(layer: &Layer, key: &str) -> bool {
    Figment::from(layer.clone()).find_value(key).is_ok()
}

fn extract(figment: &Figment, layers: &[Layer], variables: &[&Variables]) -> Result<Config, ConfigError> {
    figment.extract::<Config>().map_err(|error| {
        // An unknown key is reported with its parent's path.
        let mut path = error.path.clone();
        if let figment::error::Kind::UnknownField(field, _) = &error.kind
            && path.last() != Some(field)
        {
            path.push(field.clone());
        }
        let key = path.join(".");
        ConfigError::Key {
            place: place_of(&key, layers, variables),
            key,
            detail: one_line(&error.kind.to_string()),
        }
    })
}

/// The file or variable that sets a key: the highest layer that has it.
fn place_of(key: &str, layers: &[Layer], variables: &[&Variables]) -> String {
    variables
        .iter()
        .find_map(|variables| variables.name_of(key))
        .or_else(|| {
            layers
                .iter()
                .rev()
                .find(|layer| sets(layer, key))
                .map(|layer| layer.name.clone())
        })
        .unwrap_or_else(|| "configuration".to_owned())
}

fn check_secrets(config: &Config, dotenv: &Path, request: &Request) -> Result<Vec<String>, ConfigError> {
    let mode = config.kalshi.execution_mode;
    let mut warnings = Vec::new();
    if dotenv.is_file() {
        warnings.extend(secret_files::check(dotenv, mode)?);
    }
    if config.kalshi.has_key() {
        let path = request.working_directory.join(&config.kalshi.private_key_path);
        match std::fs::File::open(&path) {
            Ok(_) => warnings.extend(secret_files::check(&path, mode)?),
            Err(error) if mode == ExecutionMode::Live => {
                let detail = format!("cannot be read: {error}; set kalshi.private_key_path to your key");
                return Err(ConfigError::File {
                    path: path.display().to_string(),
                    detail,
                });
            }
            // Paper works without a key: public market data needs none.
            Err(error) => warnings.push(format!(
                "{}: cannot be read: {error}; continuing without a key",
                path.display()
            )),
        }
    } else if mode == ExecutionMode::Live {
        // No checklist is kept yet, so none has passed. What else live lacks is told at once.
        let lacking = config.lacking_for_live(false).join(" ");
        return Err(ConfigError::Key {
            place: "configuration".into(),
            key: "kalshi.api_key_id".into(),
            detail: format!("live mode needs a key. {lacking}")
                .trim_end_matches('.')
                .to_owned(),
        });
    }
    Ok(warnings)
}
