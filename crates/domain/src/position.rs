//! Positions: net YES contracts with their cost.

use serde::{Deserialize, Serialize};

use crate::{BookSide, Contracts, Fill, Money, Net, Price};

/// An outcome of a binary contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// YES.
    Yes,
    /// NO.
    No,
}

/// Why a fill could not be booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("booking {contracts} contracts at {price} overflows the position")]
pub struct PositionError {
    /// Size of the fill.
    pub contracts: Contracts,
    /// Price of the fill.
    pub price: Price,
}

/// A position in one contract: net YES (negative is NO), what it cost, and what it has earned so far.
///
/// A NO position costs its NO price: selling 10 YES at 0.30 without holding any is 10 NO at a cost of 7 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Net contracts.
    pub net: Net,
    /// What the open contracts cost, fees apart, at the price of the outcome held.
    pub cost: Money,
    /// Profit of what was closed or settled, fees apart.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
}

impl Position {
    /// Books one fill: the reducing part realises profit at average cost, the rest opens at the fill's price.
    ///
    /// # Errors
    /// [`PositionError`] on overflow; the position is then unchanged.
    pub fn book(&mut self, fill: &Fill) -> Result<(), PositionError> {
        let error = || PositionError {
            contracts: fill.contracts,
            price: fill.price,
        };
        let after = self.after(fill).ok_or_else(error)?;
        *self = after;
        Ok(())
    }

    fn after(&self, fill: &Fill) -> Option<Self> {
        let traded = self.traded(fill.side, fill.price, fill.contracts)?;
        Some(Self {
            fees: self.fees.checked_add(fill.fee)?,
            ..traded
        })
    }

    /// The position after trading at a YES price, fees apart; `None` on overflow.
    #[must_use]
    pub fn traded(&self, side: BookSide, price: Price, contracts: Contracts) -> Option<Self> {
        let Split {
            closing,
            opening,
            close_price,
            open_price,
        } = Split::of(self.net, side, price, contracts)?;
        let released = self.cost_of(closing)?;
        let proceeds = close_price.times(closing)?;
        Some(Self {
            net: self.net.after(side, contracts)?,
            cost: self
                .cost
                .checked_sub(released)?
                .checked_add(open_price.times(opening)?)?,
            realized: self.realized.checked_add(proceeds.checked_sub(released)?)?,
            fees: self.fees,
        })
    }

    /// The cost of a part of the open contracts at average cost; exact when it is all of them.
    fn cost_of(&self, contracts: Contracts) -> Option<Money> {
        if contracts.is_zero() {
            return Some(Money::ZERO);
        }
        self.cost.fraction(contracts.raw(), self.net.size().raw())
    }

    /// Settles the whole position at the value of a YES contract and returns the cash paid out; `None` on overflow.
    #[must_use]
    pub fn settle(&mut self, yes_value: Price) -> Option<Money> {
        let value = if self.net.raw() >= 0 {
            yes_value
        } else {
            yes_value.complement()
        };
        let payout = value.times(self.net.size())?;
        let realized = self.realized.checked_add(payout.checked_sub(self.cost)?)?;
        *self = Self {
            net: Net::ZERO,
            cost: Money::ZERO,
            realized,
            fees: self.fees,
        };
        Some(payout)
    }

    /// Average price paid per contract of the outcome held; `None` when flat.
    #[must_use]
    pub fn average_cost(&self) -> Option<Price> {
        if self.net.is_flat() {
            return None;
        }
        Price::from_raw(self.cost.raw() / self.net.size().raw())
    }

    /// Profit if the position were worth `mark`, fees apart.
    #[must_use]
    pub const fn unrealized(&self, mark: Money) -> Money {
        mark.saturating_sub(self.cost)
    }
}

/// The two parts of a trade: what closes a position and what opens one, each at the price of its own outcome.
struct Split {
    closing: Contracts,
    opening: Contracts,
    close_price: Price,
    open_price: Price,
}

impl Split {
    /// Closing YES earns the YES price, closing NO the NO price; opening pays the price of the outcome opened.
    fn of(before: Net, side: BookSide, price: Price, contracts: Contracts) -> Option<Self> {
        let closing = before.reduced_by(side, contracts);
        let (close_price, open_price) = match side {
            BookSide::Bid => (price.complement(), price),
            BookSide::Ask => (price, price.complement()),
        };
        Some(Self {
            closing,
            opening: contracts.checked_sub(closing)?,
            close_price,
            open_price,
        })
    }
}

/// The signed cash of a fill before fees, given the position it met: closing releases, opening pays.
#[must_use]
pub fn cash_of_fill(before: Net, fill: &Fill) -> Option<Money> {
    let split = Split::of(before, fill.side, fill.price, fill.contracts)?;
    let earned = split.close_price.times(split.closing)?;
    earned.checked_sub(split.open_price.times(split.opening)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Liquidity;

    fn fill(side: BookSide, price: &str, contracts: u32, fee: &str) -> Fill {
        Fill {
            fill_id: "f".into(),
            venue_order_id: "o".parse().unwrap(),
            client_order_id: None,
            ticker: "T".parse().unwrap(),
            side,
            price: price.parse().unwrap(),
            contracts: Contracts::whole(contracts),
            fee: fee.parse().unwrap(),
            liquidity: Liquidity::Taker,
            filled_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[track_caller]
    fn check(fills: &[Fill], net: &str, cost: &str, realized: &str, fees: &str) {
        let mut position = Position::default();
        for fill in fills {
            position.book(fill).unwrap();
        }
        let expected = Position {
            net: net.parse().unwrap(),
            cost: cost.parse().unwrap(),
            realized: realized.parse().unwrap(),
            fees: fees.parse().unwrap(),
        };
        assert_eq!(position, expected);
    }

    #[test]
    fn buying_and_selling_yes() {
        use BookSide::{Ask, Bid};
        check(&[fill(Bid, "0.40", 10, "0.17")], "10", "4", "0", "0.17");
        check(
            &[fill(Bid, "0.40", 10, "0.17"), fill(Ask, "0.55", 4, "0.07")],
            "6",
            "2.40",
            "0.60",
            "0.24",
        );
        check(
            &[fill(Bid, "0.40", 10, "0"), fill(Bid, "0.60", 10, "0")],
            "20",
            "10",
            "0",
            "0",
        );
    }

    #[test]
    fn no_costs_its_own_price() {
        use BookSide::{Ask, Bid};
        check(&[fill(Ask, "0.30", 10, "0")], "-10", "7", "0", "0");
        check(
            &[fill(Ask, "0.30", 10, "0"), fill(Bid, "0.20", 10, "0")],
            "0",
            "0",
            "1",
            "0",
        );
    }

    #[test]
    fn crossing_zero_closes_then_opens() {
        use BookSide::{Ask, Bid};
        check(
            &[fill(Bid, "0.40", 10, "0"), fill(Ask, "0.50", 15, "0")],
            "-5",
            "2.50",
            "1",
            "0",
        );
    }

    #[test]
    fn settlement_pays_the_value_of_the_outcome_held() {
        let mut yes = Position::default();
        yes.book(&fill(BookSide::Bid, "0.40", 10, "0")).unwrap();
        assert_eq!(yes.settle(Price::ONE), Some(Money::dollars(10)));
        assert_eq!(yes.realized, Money::dollars(6));
        let mut no = Position::default();
        no.book(&fill(BookSide::Ask, "0.30", 10, "0")).unwrap();
        assert_eq!(no.settle("0.25".parse().unwrap()), Some("7.5".parse().unwrap()));
        assert_eq!(no.realized, "0.5".parse().unwrap());
    }

    #[test]
    fn cash_and_position_agree_to_the_micro_dollar() {
        use BookSide::{Ask, Bid};
        let fills = [
            fill(Bid, "0.4137", 7, "0"),
            fill(Ask, "0.5001", 3, "0"),
            fill(Ask, "0.2", 9, "0"),
            fill(Bid, "0.1", 5, "0"),
        ];
        let (mut position, mut cash) = (Position::default(), Money::ZERO);
        for fill in &fills {
            cash = cash
                .checked_add(cash_of_fill(position.net, fill).unwrap())
                .unwrap();
            position.book(fill).unwrap();
        }
        assert_eq!(cash, position.realized.checked_sub(position.cost).unwrap());
    }
}
