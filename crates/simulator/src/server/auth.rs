//! Signatures over timestamp, method and path: RSA-PSS with SHA-256 and a salt of 32 bytes, or Ed25519.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

use super::errors::ApiError;
use super::keys::{ApiKey, PublicKey, Scope};
use crate::exchange::AccountId;

/// How far a request's timestamp may be from the exchange's clock, in milliseconds: the largest skew seen accepted.
const SKEW_MS: i64 = 10_000;

/// Who may sign for which account.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyRing {
    keys: BTreeMap<String, (ApiKey, AccountId)>,
}

/// Who a checked request comes from, and what its key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) account: AccountId,
    pub(crate) scopes: Vec<Scope>,
}

impl KeyRing {
    pub(crate) fn new(keys: Vec<(ApiKey, AccountId)>) -> Self {
        Self {
            keys: keys
                .into_iter()
                .map(|(key, account)| (key.key_id.clone(), (key, account)))
                .collect(),
        }
    }

    /// An account's keys, by id.
    pub(crate) fn of(&self, account: AccountId) -> impl Iterator<Item = &ApiKey> {
        self.keys
            .values()
            .filter(move |(_, owner)| *owner == account)
            .map(|(key, _)| key)
    }

    /// Whose key a request names, its signature unchecked.
    pub(crate) fn claimed(&self, headers: &HeaderMap) -> Option<AccountId> {
        let key_id = headers.get("kalshi-access-key")?.to_str().ok()?;
        self.keys.get(key_id).map(|(_, account)| *account)
    }

    /// Whose request this is.
    pub(crate) fn verify(
        &self,
        headers: &HeaderMap,
        method: &Method,
        path: &str,
        now: DateTime<Utc>,
    ) -> Result<Signer, ApiError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // Only the missing signature was captured; the other two words are formed after it.
        let missing = |what: &str| ApiError::nested(401, &format!("{what}_is_missing_from_headers"), None);
        let signature = text("kalshi-access-signature").ok_or_else(|| missing("signature"))?;
        let key_id = text("kalshi-access-key").ok_or_else(|| missing("key"))?;
        let timestamp = text("kalshi-access-timestamp").ok_or_else(|| missing("timestamp"))?;
        let (key, account) = self
            .keys
            .get(key_id)
            .ok_or_else(|| authentication_error("NOT_FOUND"))?;
        let sent: i64 = timestamp.parse().map_err(|_| expired())?;
        let age = now.timestamp_millis().checked_sub(sent).ok_or_else(expired)?;
        if !(-SKEW_MS..=SKEW_MS).contains(&age) {
            return Err(expired());
        }
        let signature = STANDARD.decode(signature).map_err(|_| bad_signature())?;
        let message = format!("{timestamp}{method}{path}");
        match &key.public {
            PublicKey::Rsa(der) => {
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, der).verify(message.as_bytes(), &signature)
            }
            PublicKey::Ed25519(bytes) => {
                UnparsedPublicKey::new(&ED25519, bytes).verify(message.as_bytes(), &signature)
            }
        }
        .map_err(|_| bad_signature())?;
        Ok(Signer {
            account: *account,
            scopes: key.scopes.clone(),
        })
    }
}

fn expired() -> ApiError {
    ApiError::nested(401, "header_timestamp_expired", None)
}

fn bad_signature() -> ApiError {
    authentication_error("INCORRECT_API_KEY_SIGNATURE")
}

/// The message repeats the code, underscore and all, as captured.
fn authentication_error(details: &str) -> ApiError {
    ApiError::Nested {
        status: 401,
        code: "authentication_error".to_owned(),
        message: "authentication_error".to_owned(),
        details: Some(details.to_owned()),
    }
}
