//! The webhook's address: a secret that leads to Discord and nowhere else.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

/// Why alerts cannot be sent: a person must change the configuration. Never carries the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No address is configured.
    #[error("Discord alerts are enabled but no webhook address is configured")]
    Missing,
    /// The text is not an address.
    #[error("the webhook address cannot be read as a URL")]
    Unreadable,
    /// The address is not Discord's.
    #[error("the webhook address must be https on discord.com or discordapp.com, or on loopback")]
    Host,
    /// The path is not a webhook's.
    #[error("the webhook address must have the path /api/webhooks/<id>/<token>")]
    Path,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

/// A checked address.
pub(super) struct Webhook(SecretString);

impl Webhook {
    pub fn new(address: SecretString) -> Result<Self, WebhookError> {
        let text = address.expose_secret();
        if text.trim().is_empty() {
            return Err(WebhookError::Missing);
        }
        let url = Url::parse(text).map_err(|_| WebhookError::Unreadable)?;
        let is_discord = url.scheme() == "https"
            && url.port().is_none()
            && matches!(url.host_str(), Some("discord.com" | "discordapp.com"));
        let is_loopback = matches!(url.scheme(), "http" | "https") && leads_to_loopback(&url);
        if !(is_discord || is_loopback) || !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookError::Host);
        }
        let mut segments = url.path_segments().into_iter().flatten();
        let is_webhook = segments.next() == Some("api")
            && segments.next() == Some("webhooks")
            && segments.next().is_some_and(|id| !id.is_empty())
            && segments.next().is_some_and(|token| !token.is_empty());
        if !is_webhook {
            return Err(WebhookError::Path);
        }
        Ok(Self(address))
    }

    /// The address, for the one request that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook(***)")
    }
}

fn leads_to_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://discord.com/api/webhooks/1/s3-cret", None)]
    #[case("https://discordapp.com/api/webhooks/1/s3cret?wait=true", None)]
    #[case("http://127.0.0.1:9/api/webhooks/1/s3cret", None)]
    #[case("http://[::1]:9/api/webhooks/1/s3cret", None)]
    #[case("http://localhost:9/api/webhooks/1/s3cret", None)]
    #[case("", Some(WebhookError::Missing))]
    #[case("  ", Some(WebhookError::Missing))]
    #[case("token", Some(WebhookError::Unreadable))]
    #[case("http://discord.com/api/webhooks/1/s3cret", Some(WebhookError::Host))]
    #[case("https://discord.com:444/api/webhooks/1/s3cret", Some(WebhookError::Host))]
    #[case(
        "https://discord.com.example.org/api/webhooks/1/token",
        Some(WebhookError::Host)
    )]
    #[case("https://user@discord.com/api/webhooks/1/s3cret", Some(WebhookError::Host))]
    #[case("https://example.org/api/webhooks/1/s3cret", Some(WebhookError::Host))]
    #[case("ftp://127.0.0.1/api/webhooks/1/s3cret", Some(WebhookError::Host))]
    #[case("https://discord.com/api/webhooks/1", Some(WebhookError::Path))]
    #[case("https://discord.com/api/webhooks/1/", Some(WebhookError::Path))]
    #[case("https://discord.com/channels/1/2", Some(WebhookError::Path))]
    fn only_discord_and_loopback_are_taken(#[case] address: &str, #[case] expected: Option<WebhookError>) {
        let result = Webhook::new(SecretString::from(address));
        assert_eq!(result.as_ref().err(), expected.as_ref());
        if let Err(error) = result {
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn the_address_is_not_shown() {
        let webhook = Webhook::new(SecretString::from("https://discord.com/api/webhooks/1/token"));
        assert_eq!(format!("{:?}", webhook.unwrap()), "Webhook(***)");
    }
}
