//! Numbers of contracts: unsigned sizes and signed net positions.

use crate::{BookSide, decimal_text::decimal_newtype};

/// A number of contracts in hundredths, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Contracts(i64);

decimal_newtype!(Contracts, 2);

impl Contracts {
    /// No contracts.
    pub const ZERO: Self = Self(0);

    /// A size from hundredths of a contract; `None` when negative.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Option<Self> {
        if raw >= 0 { Some(Self(raw)) } else { None }
    }

    /// A size of whole contracts.
    #[must_use]
    pub const fn whole(count: u32) -> Self {
        Self(count as i64 * 100)
    }

    /// Hundredths of a contract.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// Whether the size is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// The difference; `None` when it would be negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_raw(self.0 - other.0)
    }

    /// The difference, or zero when it would be negative.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        if other.0 >= self.0 {
            Self(0)
        } else {
            Self(self.0 - other.0)
        }
    }

    /// The size rounded down to whole contracts.
    #[must_use]
    pub const fn floor_whole(self) -> Self {
        Self(self.0 / 100 * 100)
    }
}

/// Signed contracts in hundredths: positive is YES, negative is NO.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Net(i64);

decimal_newtype!(Net, 2);

impl Net {
    /// Flat.
    pub const ZERO: Self = Self(0);

    /// A net position from hundredths of a contract; never `None`.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Option<Self> {
        Some(Self(raw))
    }

    /// Hundredths of a contract, signed.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The size of the position whatever its sign; saturates at the largest size.
    #[must_use]
    pub const fn size(self) -> Contracts {
        Contracts(self.0.saturating_abs())
    }

    /// Whether there is no position.
    #[must_use]
    pub const fn is_flat(self) -> bool {
        self.0 == 0
    }

    /// The position after trading `contracts` on `side` of the YES book; `None` on overflow.
    #[must_use]
    pub const fn after(self, side: BookSide, contracts: Contracts) -> Option<Self> {
        let raw = match side {
            BookSide::Bid => self.0.checked_add(contracts.0),
            BookSide::Ask => self.0.checked_sub(contracts.0),
        };
        match raw {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// The part of a trade that reduces this position; the rest opens the other way.
    #[must_use]
    pub fn reduced_by(self, side: BookSide, contracts: Contracts) -> Contracts {
        let reduces = match side {
            BookSide::Bid => self.0 < 0,
            BookSide::Ask => self.0 > 0,
        };
        if reduces {
            contracts.min(self.size())
        } else {
            Contracts::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selling_more_than_held_crosses_to_no() {
        let held: Net = "3.00".parse().unwrap();
        let after = held.after(BookSide::Ask, Contracts::whole(5)).unwrap();
        assert_eq!(after.to_string(), "-2.00");
        assert_eq!(
            held.reduced_by(BookSide::Ask, Contracts::whole(5)),
            Contracts::whole(3)
        );
        assert_eq!(
            held.reduced_by(BookSide::Bid, Contracts::whole(5)),
            Contracts::ZERO
        );
    }

    #[test]
    fn sizes_are_never_negative() {
        assert!("-1".parse::<Contracts>().is_err());
        assert_eq!(Contracts::whole(1).checked_sub(Contracts::whole(2)), None);
        assert_eq!(
            Contracts::whole(1).saturating_sub(Contracts::whole(2)),
            Contracts::ZERO
        );
    }
}
