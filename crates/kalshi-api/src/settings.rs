//! What the client needs to know.

use std::time::Duration;

use autotrader_domain::Environment;
use url::{Host, Url};

use crate::{Credentials, RateLimits, RetryPolicy, SetupError};

/// The base URL of an environment when none is configured.
#[must_use]
pub const fn default_base_url(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "https://api.elections.kalshi.com/trade-api/v2",
        Environment::Demo => "https://demo-api.kalshi.co/trade-api/v2",
    }
}

/// Settings of one client.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The API root, such as `https://demo-api.kalshi.co/trade-api/v2`; its path is part of every signature.
    pub base_url: Url,
    /// Which environment the base URL belongs to.
    pub environment: Environment,
    /// The account's key; without it only public data can be read.
    pub credentials: Option<Credentials>,
    /// Longest time for one request, connecting included.
    pub request_timeout: Duration,
    /// Longest time for connecting.
    pub connect_timeout: Duration,
    /// Largest accepted body after decompression, in bytes.
    pub max_body_bytes: usize,
    /// How reads retry.
    pub retry: RetryPolicy,
    /// What the account may spend.
    pub limits: RateLimits,
}

impl ClientSettings {
    /// Settings with the usual timeouts and limits, without key.
    ///
    /// # Errors
    /// [`SetupError::BaseUrl`] when the URL is no absolute `https` URL (or `http` on loopback), or carries credentials, a
    /// query or a fragment.
    pub fn new(base_url: &str, environment: Environment) -> Result<Self, SetupError> {
        Ok(Self {
            base_url: sound_base_url(base_url)?,
            environment,
            credentials: None,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_body_bytes: 16 << 20,
            retry: RetryPolicy::default(),
            limits: RateLimits::BASIC,
        })
    }
}

fn sound_base_url(text: &str) -> Result<Url, SetupError> {
    let refuse = |detail: &str| SetupError::BaseUrl {
        detail: detail.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refuse("`http` is allowed for loopback hosts only; use `https`")),
        _ => return Err(refuse("the scheme must be `https`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must not carry a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must not carry a query or fragment"));
    }
    Ok(url)
}

/// Whether a URL points at this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
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

    #[track_caller]
    fn check(url: &str, expected: Result<(), &str>) {
        let found = ClientSettings::new(url, Environment::Demo).map(|_| ());
        match (found, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn base_urls_are_https_or_loopback() {
        for environment in [Environment::Demo, Environment::Production] {
            check(default_base_url(environment), Ok(()));
        }
        check("http://127.0.0.1:8080/trade-api/v2", Ok(()));
        check("http://[::1]:8080/trade-api/v2", Ok(()));
        check("http://localhost/trade-api/v2", Ok(()));
        check(
            "http://demo-api.kalshi.co/trade-api/v2",
            Err("loopback hosts only"),
        );
        check("http://127.0.0.1.example.com/", Err("loopback hosts only"));
        check("ftp://127.0.0.1/", Err("must be `https`"));
        check("https://user:secret@kalshi.com/", Err("user name or password"));
        check("https://kalshi.com/?a=b", Err("query or fragment"));
        check("not a url", Err("relative URL without a base"));
    }
}
