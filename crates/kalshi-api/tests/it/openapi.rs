//! The exchange's published OpenAPI document as a judge of requests and answers.
//!
//! Schemas of OpenAPI 3.0 are rewritten as JSON Schema: `nullable` becomes a type, and objects with listed fields take no
//! others where they are sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// One request as it was sent: the path below the API root, undecoded query values and the body.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub signed: bool,
}

/// The document, its schemas rewritten for requests: objects are closed.
pub struct Document {
    paths: Map<String, Value>,
    components: Value,
    /// The schemas as published.
    schemas: Value,
}

/// What an answer made from the document holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The fields that the document requires.
    Required,
    /// Every field, and one that is not in the document.
    Everything,
    /// Every field, `null` where it may be.
    Nulls,
}

/// The file of that name beside the repository, or `None` with a visible line.
pub fn specification(name: &str) -> Option<String> {
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    // Tests may be pointed at the documents from outside.
    #[expect(clippy::disallowed_methods, reason = "only tests ask where the documents are")]
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or(beside, PathBuf::from);
    let file = root.join("kalshi/spec").join(name);
    if let Ok(text) = std::fs::read_to_string(&file) {
        Some(text)
    } else {
        eprintln!("skipped: no specification at {}", file.display());
        None
    }
}

impl Document {
    /// Reads the document as it is published.
    pub fn read(yaml: &str) -> Self {
        let document: Value = serde_saphyr::from_str(yaml).unwrap();
        let components = json!({
            "schemas": rewritten(&document["components"]["schemas"]),
            "parameters": document["components"]["parameters"],
        });
        Self {
            paths: document["paths"].as_object().unwrap().clone(),
            components,
            schemas: document["components"]["schemas"].clone(),
        }
    }

    /// An answer that the document allows, with its status, for a success of an operation.
    pub fn answer(&self, operation: &str, made: Made) -> (u16, Value) {
        let methods = self
            .paths
            .values()
            .flat_map(|item| item.as_object().unwrap().values());
        let responses = methods
            .filter(|method| method["operationId"] == operation)
            .find_map(|method| method["responses"].as_object())
            .unwrap_or_else(|| panic!("no operation {operation}"));
        let (status, response) = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap();
        let schema = &response["content"]["application/json"]["schema"];
        let body = if schema.is_null() {
            Value::Null
        } else {
            self.made(schema, "", made)
        };
        (status.parse().unwrap(), body)
    }

    /// A value of a published schema; strings are made by the name of their field where the schema says nothing of them.
    fn made(&self, schema: &Value, name: &str, made: Made) -> Value {
        if made == Made::Nulls && schema["nullable"] == json!(true) {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str() {
            return match target.rsplit('/').next().unwrap() {
                "FixedPointDollars" => json!("0.4000"),
                "FixedPointCount" => json!("1.00"),
                "PriceLevelDollarsCountFp" => json!(["0.4000", "1.00"]),
                other => self.made(&self.schemas[other], name, made),
            };
        }
        if let Some(part) = schema["allOf"].get(0) {
            return self.made(part, name, made);
        }
        if let Some(words) = schema["enum"].as_array() {
            let word = if made == Made::Everything {
                words.last()
            } else {
                words.first()
            };
            return word.unwrap().clone();
        }
        match schema["type"].as_str().unwrap_or("string") {
            "object" => self.made_object(schema, made),
            "array" => json!([self.made(&schema["items"], name, made)]),
            "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            "number" => json!(0.5),
            "boolean" => json!(true),
            _ if schema["format"] == "date-time" => json!("2026-11-22T15:00:00Z"),
            _ => json!(match name {
                "cursor" => "",
                "open_time" | "close_time" => "05:00",
                "start" => "0.0000",
                "end" => "1.0000",
                "step" => "0.0100",
                _ => "A",
            }),
        }
    }

    fn made_object(&self, schema: &Value, made: Made) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let listed = schema["properties"].as_object().into_iter().flatten();
        let mut fields: Map<String, Value> = listed
            .filter(|(name, _)| made != Made::Required || required.contains(&json!(name)))
            .map(|(name, field)| (name.clone(), self.made(field, name, made)))
            .collect();
        if made == Made::Everything {
            fields.insert("a_field_of_tomorrow".to_owned(), json!([{"deep": null}]));
        }
        Value::Object(fields)
    }

    /// The id of every operation, with its method and path.
    pub fn operations(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (path, item) in &self.paths {
            for method in ["get", "post", "put", "delete"] {
                if let Some(id) = item[method]["operationId"].as_str() {
                    found.insert(id.to_owned(), format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        found
    }

    /// The path of the document that a request is for: literal segments outweigh variable ones.
    fn template(&self, sent: &Sent) -> Option<&str> {
        let asked: Vec<&str> = sent.path.split('/').collect();
        let method = sent.method.to_lowercase();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == asked.len()
                && parts
                    .iter()
                    .zip(&asked)
                    .all(|(part, segment)| part == segment || (part.starts_with('{') && !segment.is_empty()))
        };
        self.paths
            .iter()
            .filter(|(template, item)| item.get(&method).is_some() && fits(template))
            .map(|(template, _)| template.as_str())
            .min_by_key(|template| template.matches('{').count())
    }

    /// The operation that a request is for, and everything that the document does not allow about it.
    pub fn judge(&self, sent: &Sent) -> (String, Vec<String>) {
        let Some(template) = self.template(sent) else {
            return (
                String::new(),
                vec![format!("no operation {} {}", sent.method, sent.path)],
            );
        };
        let item = &self.paths[template];
        let operation = &item[sent.method.to_lowercase()];
        let mut faults = self.query_faults(item, operation, sent);
        faults.extend(self.body_faults(operation, sent));
        let wants_signature = operation.get("security").is_some();
        if wants_signature != sent.signed {
            faults.push(format!("signed: {}, wanted: {wants_signature}", sent.signed));
        }
        (operation["operationId"].as_str().unwrap().to_owned(), faults)
    }

    fn query_faults(&self, item: &Value, operation: &Value, sent: &Sent) -> Vec<String> {
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in &sent.query {
            left.entry(key).or_default().push(value);
        }
        let mut faults = Vec::new();
        let parameters = [item, operation]
            .into_iter()
            .flat_map(|owner| owner["parameters"].as_array().into_iter().flatten());
        for parameter in parameters.map(|parameter| self.resolved(parameter)) {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let Some(values) = left.remove(name) else {
                if parameter["required"] == json!(true) {
                    faults.push(format!("parameter `{name}` is missing"));
                }
                continue;
            };
            let schema = rewritten(&parameter["schema"]);
            let value = if self.kind(&schema) == "array" {
                values
                    .iter()
                    .map(|text| self.typed(&schema["items"], text))
                    .collect()
            } else if values.len() == 1 {
                self.typed(&schema, values[0])
            } else {
                faults.push(format!("parameter `{name}` is repeated"));
                continue;
            };
            faults.extend(self.schema_faults(&schema, &value, &format!("parameter `{name}`")));
        }
        faults.extend(
            left.keys()
                .map(|name| format!("parameter `{name}` is not in the document")),
        );
        faults
    }

    fn body_faults(&self, operation: &Value, sent: &Sent) -> Vec<String> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (schema.is_null(), sent.body.is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => vec!["a body where none belongs".to_owned()],
            (false, true) if operation["requestBody"]["required"] == json!(true) => {
                vec!["the body is missing".to_owned()]
            }
            (false, true) => Vec::new(),
            (false, false) => match serde_json::from_slice(&sent.body) {
                Ok(body) => self.schema_faults(&rewritten(schema), &body, "body"),
                Err(error) => vec![format!("the body is not JSON: {error}")],
            },
        }
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(target) => {
                let pointer = target.trim_start_matches("#/components");
                self.resolved(self.components.pointer(pointer).unwrap())
            }
            None => value,
        }
    }

    /// The JSON type that a schema wants.
    fn kind<'a>(&'a self, schema: &'a Value) -> &'a str {
        let schema = self.resolved(schema);
        match schema["type"].as_str() {
            Some(kind) => kind,
            None => schema["allOf"][0]
                .as_object()
                .map_or("string", |_| self.kind(&schema["allOf"][0])),
        }
    }

    /// A query value as the JSON value that the schema speaks of.
    fn typed(&self, schema: &Value, text: &str) -> Value {
        match self.kind(schema) {
            "integer" | "number" | "boolean" => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            _ => json!(text),
        }
    }

    /// What a value breaks of a rewritten schema.
    fn schema_faults(&self, schema: &Value, value: &Value, place: &str) -> Vec<String> {
        let whole = json!({"allOf": [schema], "components": self.components});
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        validator
            .iter_errors(value)
            .map(|error| format!("{place}{}: {error}", error.instance_path()))
            .collect()
    }
}

/// An OpenAPI 3.0 schema as JSON Schema with closed objects.
fn rewritten(schema: &Value) -> Value {
    let Some(fields) = schema.as_object() else {
        return match schema {
            Value::Array(items) => items.iter().map(rewritten).collect(),
            other => other.clone(),
        };
    };
    let mut new: Map<String, Value> = fields
        .iter()
        .filter(|(key, _)| *key != "example")
        .map(|(key, value)| (key.clone(), rewritten(value)))
        .collect();
    let has_fields = fields.get("properties").is_some_and(|listed| {
        // A field that is itself called `properties` is no list of fields.
        listed
            .as_object()
            .is_some_and(|listed| listed.values().all(Value::is_object))
    });
    if has_fields && !new.contains_key("additionalProperties") {
        new.insert("additionalProperties".to_owned(), json!(false));
    }
    if new.remove("nullable") == Some(json!(true)) {
        return json!({"anyOf": [new, {"type": "null"}]});
    }
    Value::Object(new)
}
