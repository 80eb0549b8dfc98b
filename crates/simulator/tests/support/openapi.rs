//! The exchange's OpenAPI documents as JSON Schemas, strict: a field that the document does not name is a failure.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture must fail the test at once"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// Where the documents and recordings are, when they are beside the repository.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the documents where it is told to"
)]
pub fn shared() -> PathBuf {
    std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    )
}

/// A document of OpenAPI 3.0.
pub struct OpenApi {
    /// As it is written.
    raw: Value,
    /// Its components as JSON Schemas.
    components: Value,
}

/// Parts of the interface that are not about trading event contracts: combos, requests for quotes, clearing members,
/// perpetuals, sports data, search.
const ELSEWHERE: [&str; 12] = [
    "/communications",
    "/fcm",
    "/live_data",
    "/margin",
    "/milestones",
    "/multivariate_event_collections",
    "/portfolio/intra_exchange_instance_transfer",
    "/portfolio/target_balance_allocation",
    "/search",
    "/structured_targets",
    "/events/multivariate",
    "/klear",
];

impl OpenApi {
    /// Reads a document; nothing when it is not there.
    #[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
    pub fn read(name: &str) -> Option<Self> {
        let Ok(text) = std::fs::read_to_string(shared().join("kalshi/spec").join(name)) else {
            println!("skipped: {name} is not there; set AUTOTRADER_SHARED to the directory that holds it");
            return None;
        };
        Some(Self::of(serde_saphyr::from_str(&text).unwrap()))
    }

    pub fn of(raw: Value) -> Self {
        Self {
            components: strict(&raw["components"]),
            raw,
        }
    }

    /// Whether an operation may answer with a status.
    pub fn documents(&self, method: &str, path: &str, status: u16) -> bool {
        self.response(method, path, status).is_object()
    }

    /// Whether the body of an answer is described; some refusals are documented without one.
    pub fn describes_body(&self, method: &str, path: &str, status: u16) -> bool {
        self.response(method, path, status)["content"]["application/json"]["schema"].is_object()
    }

    fn response(&self, method: &str, path: &str, status: u16) -> &Value {
        let response = &self.raw["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
        match response["$ref"].as_str() {
            Some(target) => self.raw.pointer(target.trim_start_matches('#')).unwrap(),
            None => response,
        }
    }

    /// What is wrong with the body of an answer; a body where none is documented is wrong too.
    pub fn faults(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let response = self.response(method, path, status);
        if !response.is_object() {
            return vec![format!("{method} {path} does not answer {status}")];
        }
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            return if body.is_null() {
                Vec::new()
            } else {
                vec![format!("{method} {path} has no body for {status}, not {body}")]
            };
        }
        self.schema_faults(schema, body)
    }

    /// What is wrong with a value under a schema of the document.
    pub fn schema_faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [strict(schema)],
            "components": self.components,
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&document)
            .unwrap();
        validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// The operations about trading event contracts, as `GET /path`.
    pub fn trading_surface(&self) -> BTreeSet<String> {
        let paths: BTreeMap<String, Value> = serde_json::from_value(self.raw["paths"].clone()).unwrap();
        paths
            .iter()
            .filter(|(path, _)| !ELSEWHERE.iter().any(|prefix| path.starts_with(prefix)))
            .flat_map(|(path, operations)| {
                ["get", "post", "put", "delete"]
                    .into_iter()
                    .filter(|method| operations.get(*method).is_some())
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect()
    }
}

/// A schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes a choice, objects that name their properties have no others.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(strict).collect(),
        Value::Object(fields) => {
            let mut made: Map<String, Value> = fields
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "example" | "nullable" | "default"))
                .map(|(key, value)| (key.clone(), strict(value)))
                .collect();
            let names_its_properties = fields.get("properties").is_some_and(|properties| {
                // A property may itself be called `properties`.
                properties.is_object() && properties.get("type").is_none_or(Value::is_object)
            });
            if names_its_properties && !fields.contains_key("additionalProperties") {
                made.insert("additionalProperties".to_owned(), false.into());
            }
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                return json!({ "anyOf": [made, { "type": "null" }] });
            }
            Value::Object(made)
        }
        other => other.clone(),
    }
}

/// The shapes in which the exchange says no on the wire, of which the document describes one.
pub fn is_an_error(body: &Value) -> bool {
    let is_flat = |value: &Value| {
        value["code"].is_string()
            && value["message"].is_string()
            && value.as_object().is_some_and(|fields| {
                fields.iter().all(|(key, value)| {
                    matches!(key.as_str(), "code" | "message" | "details") && value.is_string()
                })
            })
    };
    let only = |key: &str| {
        body.as_object()
            .is_some_and(|fields| fields.len() == 1 && fields.contains_key(key))
    };
    is_flat(body)
        || (only("error") && (is_flat(&body["error"]) || body["error"].is_string()))
        || (only("msg") && body["msg"].is_string())
}
