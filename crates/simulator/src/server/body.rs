//! Request bodies, read the way the exchange reads them: exact JSON types, unknown fields ignored.

use serde_json::{Map, Value};

use super::errors::ApiError;

/// The fields of a request body and the name of its schema, for the wording of errors.
pub(super) struct Body {
    schema: &'static str,
    fields: Map<String, Value>,
}

impl Body {
    pub(super) fn parse(schema: &'static str, bytes: &[u8]) -> Result<Self, ApiError> {
        match serde_json::from_slice(bytes) {
            Ok(value) => Self::of(schema, value),
            Err(error) => Err(ApiError::BadRequest {
                details: format!("json: {error}"),
            }),
        }
    }

    fn of(schema: &'static str, value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(fields) => Ok(Self { schema, fields }),
            other => Err(mistyped(kind(&other), schema, schema)),
        }
    }

    /// The objects of a field that must be a list, each read under its own schema.
    pub(super) fn list(&self, name: &str, item: &'static str) -> Result<Vec<Self>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Err(self.missing(name)),
            Some(Value::Array(items)) => items.iter().map(|value| Self::of(item, value.clone())).collect(),
            Some(other) => Err(self.mistyped(other, name, item)),
        }
    }

    /// A field that must be text when present; null counts as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.mistyped(other, name, "string")),
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.missing(name))
    }

    /// A field that must be true or false when present.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.mistyped(other, name, "bool")),
        }
    }

    /// A field that must be a whole number when present.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(other) => Err(self.mistyped(other, name, "int64")),
        }
    }

    /// The stand-in has one subaccount and one shard (-1 asks for routing, which ends there).
    pub(super) fn only_main(&self) -> Result<(), ApiError> {
        if self.integer("subaccount")?.unwrap_or(0) != 0 {
            return Err(ApiError::parameter("subaccount"));
        }
        if !matches!(self.integer("exchange_index")?.unwrap_or(0), 0 | -1) {
            return Err(ApiError::parameter("exchange_index"));
        }
        Ok(())
    }

    fn mistyped(&self, found: &Value, name: &str, wanted: &str) -> ApiError {
        mistyped(kind(found), &format!("{}.{name}", self.schema), wanted)
    }

    /// A field that fails a validation rule; worded as captured for parameters.
    pub(super) fn failed(&self, name: &str, rule: &str) -> ApiError {
        let schema = self.schema;
        let operation = schema.strip_suffix("Request").unwrap_or(schema);
        let field: String = name
            .split('_')
            .filter_map(|word| {
                let mut letters = word.chars();
                letters
                    .next()
                    .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            })
            .collect();
        ApiError::Validation {
            msg: format!(
                "Parameter validation failed for {operation}: Key: '{schema}.{field}' Error:Field validation for \
                 '{field}' failed on the '{rule}' tag"
            ),
        }
    }

    pub(super) fn missing(&self, name: &str) -> ApiError {
        self.failed(name, "required")
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Worded as captured.
fn mistyped(found: &str, place: &str, wanted: &str) -> ApiError {
    let details = format!("json: cannot unmarshal {found} into Go struct field {place} of type {wanted}");
    ApiError::BadRequest { details }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_object_is_refused_in_the_captured_words() {
        for (text, found) in [("[]", "array"), ("7", "number"), ("null", "null")] {
            let details =
                format!("json: cannot unmarshal {found} into Go struct field XRequest of type XRequest");
            assert_eq!(
                Body::parse("XRequest", text.as_bytes()).err(),
                Some(ApiError::BadRequest { details }),
                "{text}"
            );
        }
    }

    #[test]
    fn fields_have_their_exact_types_or_are_absent() {
        let body = Body::parse(
            "XRequest",
            br#"{"t":"a","n":1,"f":true,"z":null,"l":[{"t":"b"}]}"#,
        )
        .unwrap();
        assert_eq!(body.text("t"), Ok(Some("a")));
        assert_eq!(body.integer("n"), Ok(Some(1)));
        assert_eq!(body.flag("f"), Ok(Some(true)));
        assert_eq!((body.text("z"), body.integer("z")), (Ok(None), Ok(None)));
        assert!(body.text("n").is_err() && body.integer("t").is_err() && body.flag("n").is_err());
        let items = body.list("l", "YRequest").unwrap();
        assert_eq!(items.len(), 1);
        assert!(body.list("t", "YRequest").is_err() && body.list("z", "YRequest").is_err());
        assert!(matches!(body.required("z"), Err(ApiError::Validation { .. })));
    }
}
