//! The layers: embedded defaults or files, then variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::Data;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::ConfigError;
use crate::yaml::Yaml;

/// The prefix of every variable of ours.
pub(crate) const PREFIX: &str = "AUTOTRADER__";

/// The defaults that serve without a configuration directory: the files that the repository ships.
pub(crate) const EMBEDDED: [(&str, &str); 6] = [
    ("base.yaml", include_str!("../../../config/base.yaml")),
    ("paper.yaml", include_str!("../../../config/paper.yaml")),
    ("live.yaml", include_str!("../../../config/live.yaml")),
    (
        "strategies/leaderboard_alpha.yaml",
        include_str!("../../../config/strategies/leaderboard_alpha.yaml"),
    ),
    ("risk.yaml", include_str!("../../../config/risk.yaml")),
    (
        "signal_sources/arena_monitor.yaml",
        include_str!("../../../config/signal_sources/arena_monitor.yaml"),
    ),
];

/// One YAML text with the name it is known by.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Data::<Yaml>::string(&self.text).data()
    }
}

/// Variables from the environment or a `.env` file.
#[derive(Debug, Clone)]
pub(crate) struct Variables {
    /// Appended to a variable's name in messages, such as ` in .env`.
    pub(crate) origin: &'static str,
    pub(crate) values: BTreeMap<String, String>,
}

impl Variables {
    /// Our variables among all, with sections and keys in lower case.
    fn ours(&self) -> impl Iterator<Item = (Vec<String>, &str)> {
        self.values.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix(PREFIX)?;
            Some((
                path.split("__").map(str::to_ascii_lowercase).collect(),
                value.as_str(),
            ))
        })
    }

    /// Which variable sets a dotted key, for messages.
    pub(crate) fn name_of(&self, key: &str) -> Option<String> {
        let mut names = self.values.keys().filter(|name| name.starts_with(PREFIX));
        let found = names.find(|name| {
            let dotted = name
                .trim_start_matches(PREFIX)
                .to_ascii_lowercase()
                .replace("__", ".");
            dotted == key || key.starts_with(&format!("{dotted}.")) || dotted.starts_with(&format!("{key}."))
        })?;
        Some(format!("{found}{}", self.origin))
    }
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("variable{}", self.origin))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut root = Dict::new();
        for (path, text) in self.ours() {
            insert(&mut root, &path, value_of(&path, text));
        }
        Ok(Profile::Default.collect(root))
    }
}

/// Ids, paths and addresses stay text even when they look like numbers.
fn value_of(path: &[String], text: &str) -> Value {
    let is_text = path.last().is_some_and(|key| {
        [
            "api_key_id",
            "url",
            "level",
            "environment",
            "execution_mode",
            "estimator",
            "event_exposure_mode",
            "entry_style",
        ]
        .iter()
        .any(|name| key == name)
            || key.ends_with("_path")
            || key.ends_with("_url")
            || key.ends_with("_file")
            || key.ends_with("_balance")
    });
    if is_text {
        Value::from(text)
    } else {
        text.parse().unwrap_or_else(|_| Value::from(text))
    }
}

fn insert(dict: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            dict.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let entry = dict
                .entry(section.clone())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            } else {
                let mut inner = Dict::new();
                insert(&mut inner, rest, value);
                *entry = Value::from(inner);
            }
        }
    }
}

/// The files of a directory in order of precedence, lowest first, without the overlay of the other mode.
pub(crate) fn files(directory: &Path, overlay: &str) -> Result<Vec<Layer>, ConfigError> {
    let base = directory.join("base.yaml");
    if !base.is_file() {
        return Err(ConfigError::File {
            path: base.display().to_string(),
            detail: "not found; name a directory with a base.yaml by --config-dir".into(),
        });
    }
    let mut paths = vec![base, directory.join(format!("{overlay}.yaml"))];
    paths.extend(yaml_files(&directory.join("strategies"))?);
    paths.push(directory.join("risk.yaml"));
    paths.extend(yaml_files(&directory.join("signal_sources"))?);
    paths
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| read(&path))
        .collect()
}

fn read(path: &Path) -> Result<Layer, ConfigError> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Layer { name, text }),
        Err(error) => Err(ConfigError::File {
            path: name,
            detail: format!("cannot be read: {error}"),
        }),
    }
}

fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let path = directory.display().to_string();
            return Err(ConfigError::File {
                path,
                detail: format!("cannot be listed: {error}"),
            });
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
        })
        .collect();
    paths.sort();
    Ok(paths)
}

/// The embedded files in order of precedence, lowest first, without the overlay of the other mode.
pub(crate) fn embedded(overlay: &str) -> Vec<Layer> {
    let other = if overlay == "paper" {
        "live.yaml"
    } else {
        "paper.yaml"
    };
    EMBEDDED
        .iter()
        .filter(|(name, _)| *name != other)
        .map(|(name, text)| Layer {
            name: format!("built-in {name}"),
            text: (*text).to_owned(),
        })
        .collect()
}

/// All layers merged.
pub(crate) fn merge(
    layers: &[Layer],
    dotenv: &Variables,
    environment: &Variables,
    flags: &Variables,
) -> Figment {
    let files = layers.iter().cloned().fold(Figment::new(), Figment::merge);
    files
        .merge(dotenv.clone())
        .merge(environment.clone())
        .merge(flags.clone())
}
