//! What a fill does to cash and to a holding.

use autotrader_domain::{BookSide, Contracts, Money, Net, Price};
use chrono::{DateTime, Utc};

use super::account::Holding;

/// One dollar for a whole contract is this many millionths for a hundredth of one.
const MICROS_PER_CENTICONTRACT: i64 = 10_000;

/// What one fill does to cash, fees apart, and how many contracts it closes.
pub(super) struct CashFlow {
    /// Price paid (negative) or, for the closing part, received.
    pub(super) revenue: Money,
    pub(super) closes: i64,
    opens: i64,
    /// Price of one contract of the outcome the order buys.
    pub(super) outcome: Price,
}

impl CashFlow {
    pub(super) fn of(holding: &Holding, side: BookSide, price: Price, count: i64) -> Self {
        let closes = holding.closable(side).min(count);
        let outcome = match side {
            BookSide::Bid => price,
            BookSide::Ask => price.complement(),
        };
        // Buying the other outcome at `outcome` closes a pair, and a pair pays one dollar.
        let revenue = Money::micros(closes * MICROS_PER_CENTICONTRACT - outcome.raw() * count);
        Self {
            revenue,
            closes,
            opens: count - closes,
            outcome,
        }
    }

    /// Applies the flow and its fee to a holding: cost by average, profit on what closes.
    pub(super) fn book(&self, holding: &mut Holding, side: BookSide, fee: Money, at: DateTime<Utc>) {
        let size = holding.net.raw().abs();
        if self.closes > 0 {
            let released = if self.closes == size {
                holding.cost
            } else {
                holding.cost.fraction(self.closes, size).unwrap_or(Money::ZERO)
            };
            let fee_released = holding
                .fee_cost
                .fraction(self.closes, size)
                .unwrap_or(Money::ZERO);
            holding.fee_cost = holding.fee_cost.saturating_sub(fee_released);
            let proceeds = Money::micros(self.outcome.complement().raw() * self.closes);
            holding.cost = holding.cost.saturating_sub(released);
            holding.realized = holding.realized.saturating_add(proceeds).saturating_sub(released);
            holding.traded = holding.traded.saturating_add(proceeds);
        }
        let spent = Money::micros(self.outcome.raw() * self.opens);
        holding.cost = holding.cost.saturating_add(spent);
        holding.traded = holding.traded.saturating_add(spent);
        let count = self.opens + self.closes;
        let fee_of_opening = fee.fraction(self.opens, count).unwrap_or(Money::ZERO);
        holding.fees = holding.fees.saturating_add(fee);
        holding.fee_cost = holding.fee_cost.saturating_add(fee_of_opening);
        let signed = if side == BookSide::Bid { count } else { -count };
        holding.net = Net::from_raw(holding.net.raw() + signed).unwrap_or(holding.net);
        holding.traded_contracts =
            Contracts::from_raw(holding.traded_contracts.raw() + count).unwrap_or(holding.traded_contracts);
        holding.updated_at = at;
    }
}
