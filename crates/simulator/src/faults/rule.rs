//! Where and how.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::{FaultKind, Rate};

/// The place where a fault could happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site<'a> {
    /// The HTTP method, `WS` for a WebSocket message, `PAGE` for the leaderboard site, `EXCHANGE` for the exchange itself.
    pub method: &'a str,
    /// The path below `/trade-api/v2`; the message type, such as `orderbook_delta`; the page's path; a market's ticker.
    pub path: &'a str,
}

impl<'a> Site<'a> {
    /// A WebSocket message of a type.
    #[must_use]
    pub const fn stream(message_type: &'a str) -> Self {
        Self {
            method: "WS",
            path: message_type,
        }
    }
}

impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The places where a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everywhere.
    #[default]
    Any,
    /// Requests that change nothing.
    Reads,
    /// Requests that change something.
    Writes,
    /// Sites of one method, or of any, whose path starts so.
    Prefix {
        /// The method; any when absent.
        method: Option<String>,
        /// How the path starts.
        path: String,
    },
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope; write `any`, `reads`, `writes`, `/path`, `METHOD:/path` or `WS:message_type`")]
pub struct ScopeError(pub String);

impl Scope {
    /// Whether a place belongs to it.
    #[must_use]
    pub fn covers(&self, site: Site<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Reads => site.method == "GET",
            Self::Writes => matches!(site.method, "POST" | "PUT" | "DELETE" | "PATCH"),
            Self::Prefix { method, path } => {
                method.as_deref().is_none_or(|wanted| wanted == site.method)
                    && site.path.starts_with(path.as_str())
            }
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let prefix = |method: Option<&str>, path: &str| Self::Prefix {
            method: method.map(str::to_owned),
            path: path.to_owned(),
        };
        match text.split_once(':') {
            None => match text {
                "any" => Ok(Self::Any),
                "reads" => Ok(Self::Reads),
                "writes" => Ok(Self::Writes),
                path if path.starts_with('/') => Ok(prefix(None, path)),
                _ => Err(ScopeError(text.to_owned())),
            },
            Some((method @ ("GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "PAGE"), path))
                if path.starts_with('/') =>
            {
                Ok(prefix(Some(method), path))
            }
            Some((method @ ("WS" | "EXCHANGE"), path)) if !path.is_empty() => Ok(prefix(Some(method), path)),
            Some(_) => Err(ScopeError(text.to_owned())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Reads => f.write_str("reads"),
            Self::Writes => f.write_str("writes"),
            Self::Prefix {
                method: Some(method),
                path,
            } => write!(f, "{method}:{path}"),
            Self::Prefix { method: None, path } => f.write_str(path),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How one kind of fault behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultRule {
    /// How often it happens by itself where it could.
    pub rate: Rate,
    /// Its amount in milliseconds, for kinds that have one; negative only for a skewed clock.
    pub amount_ms: i64,
    /// Where it may happen.
    pub scope: Scope,
}

impl FaultRule {
    /// The rule of a kind that never happens by itself.
    #[must_use]
    pub const fn never(kind: FaultKind) -> Self {
        Self {
            rate: Rate::NEVER,
            amount_ms: kind.default_amount_ms(),
            // A lost answer matters where something was done.
            scope: match kind {
                FaultKind::LostAnswer => Scope::Writes,
                _ => Scope::Any,
            },
        }
    }

    /// The rule of a kind with the defaults and a rate.
    #[must_use]
    pub fn at_rate(kind: FaultKind, rate: Rate) -> Self {
        Self {
            rate,
            ..Self::never(kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_written_and_cover_what_they_say() {
        let create = Site {
            method: "POST",
            path: "/portfolio/events/orders",
        };
        let list = Site {
            method: "GET",
            path: "/portfolio/orders",
        };
        let delta = Site::stream("orderbook_delta");
        for (text, covered) in [
            ("any", [true, true, true]),
            ("reads", [false, true, false]),
            ("writes", [true, false, false]),
            ("/portfolio", [true, true, false]),
            ("GET:/portfolio", [false, true, false]),
            ("POST:/portfolio/events", [true, false, false]),
            ("WS:orderbook", [false, false, true]),
        ] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(
                [create, list, delta].map(|site| scope.covers(site)),
                covered,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            "",
            "all",
            "portfolio",
            "GET:",
            "GET:portfolio",
            "WS:",
            "FETCH:/x",
            "get:/x",
        ] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError(text.to_owned())), "{text}");
        }
    }
}
