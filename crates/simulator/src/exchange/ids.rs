//! Identifiers: shaped like UUIDs, made from a seed and a counter, so equal runs give equal ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A participant of the exchange; made by [`super::Exchange::open_account`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub(crate) u32);

/// Why a text is not an id of this exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this exchange: expected 32 hexadecimal digits in the groups 8-4-4-4-12")]
pub struct IdError;

fn parse_uuid(text: &str) -> Result<u128, IdError> {
    let mut value: u128 = 0;
    if text.len() != 36 {
        return Err(IdError);
    }
    for (index, byte) in text.bytes().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return Err(IdError);
            }
            continue;
        }
        let digit = char::from(byte).to_digit(16).ok_or(IdError)?;
        value = (value << 4) | u128::from(digit);
    }
    Ok(value)
}

fn write_uuid(f: &mut fmt::Formatter<'_>, value: u128) -> fmt::Result {
    write!(
        f,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        (value >> 96) & 0xffff_ffff,
        (value >> 80) & 0xffff,
        (value >> 64) & 0xffff,
        (value >> 48) & 0xffff,
        value & 0xffff_ffff_ffff
    )
}

macro_rules! uuid_shaped {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(f, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(f, self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

uuid_shaped!(
    /// The exchange's id of an order.
    OrderId
);
uuid_shaped!(
    /// The id of one match; both fills of it carry the same id.
    TradeId
);
uuid_shaped!(
    /// The exchange's id of an order group.
    OrderGroupId
);
uuid_shaped!(
    /// The exchange's id of a scheduled fee change.
    FeeChangeId
);
uuid_shaped!(
    /// The exchange's inner id of a market, seen on the WebSocket only.
    MarketId
);
uuid_shaped!(
    /// The id of the person behind an account, seen on order records.
    UserId
);

/// Makes ids from a seed, a kind and a counter.
#[derive(Debug, Clone)]
pub(crate) struct IdMint {
    seed: u64,
    next: u64,
}

impl IdMint {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    fn mint(&mut self, kind: &str) -> u128 {
        self.next += 1;
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_be_bytes());
        hasher.update(self.next.to_be_bytes());
        hasher.update(kind.as_bytes());
        let digest = hasher.finalize();
        let raw = digest
            .iter()
            .take(16)
            .fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
        // Version 5 and the RFC 4122 variant, as on the ids that were seen on real fills.
        let version = (raw & !(0xf << 76)) | (0x5 << 76);
        (version & !(0b11 << 62)) | (0b10 << 62)
    }

    pub(crate) fn order(&mut self) -> OrderId {
        OrderId(self.mint("order"))
    }

    pub(crate) fn trade(&mut self) -> TradeId {
        TradeId(self.mint("trade"))
    }

    pub(crate) fn order_group(&mut self) -> OrderGroupId {
        OrderGroupId(self.mint("order group"))
    }

    pub(crate) fn fee_change(&mut self) -> FeeChangeId {
        FeeChangeId(self.mint("fee change"))
    }

    pub(crate) fn market(&mut self) -> MarketId {
        MarketId(self.mint("market"))
    }

    pub(crate) fn user(&mut self) -> UserId {
        UserId(self.mint("user"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_shaped_unique_and_repeatable() {
        let run = |seed| -> Vec<OrderId> {
            let mut mint = IdMint::new(seed);
            (0..1_000).map(|_| mint.order()).collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let unique: std::collections::BTreeSet<_> = run(7).into_iter().collect();
        assert_eq!(unique.len(), 1_000);
        let text = run(7)[0].to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "5");
        assert_eq!(text.parse(), Ok(run(7)[0]));
    }

    #[test]
    fn texts_that_are_not_ids_are_refused() {
        for bad in [
            "",
            "x",
            "2597b999f88741958bacc3f97a1f2021",
            "2597b999-f887-4195-8bac-c3f97a1f202g",
        ] {
            assert_eq!(bad.parse::<OrderId>(), Err(IdError), "{bad}");
        }
    }
}
