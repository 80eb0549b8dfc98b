//! YAML as a figment format, over a maintained parser.

use figment::providers::Format;
use serde::de::DeserializeOwned;

/// The YAML format.
#[derive(Debug)]
pub(crate) struct Yaml;

impl Format for Yaml {
    type Error = YamlError;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
        serde_saphyr::from_str(text).map_err(|error| YamlError(one_line(&error.to_string())))
    }
}

/// A YAML syntax error on one line.
#[derive(Debug)]
pub(crate) struct YamlError(String);

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::de::Error for YamlError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(one_line(&message.to_string()))
    }
}

impl std::error::Error for YamlError {}

/// The first line of a message: parsers like to draw pictures below it.
pub(crate) fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("not valid")
        .to_owned()
}
