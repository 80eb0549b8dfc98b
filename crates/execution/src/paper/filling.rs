//! How paper orders fill: takers at the worse of two books, makers when the market goes through them.

use autotrader_domain::position::cash_of_fill;
use autotrader_domain::{
    Book, BookSide, Contracts, FeeRounding, FeeSchedule, Fill, Level, Liquidity, Money, Net, Price,
    TimeInForce,
};
use chrono::{DateTime, Utc};

use super::depth::{Part, worse_of};
use super::desk::Desk;
use super::ticket::Phase;

impl Desk {
    /// An order reaches the market: it takes the worse of two books, and the rest is cancelled or rests.
    pub(super) fn arrive(&mut self, key: u64, ladder: &[Level], book: &Book) {
        let at = book.received_at;
        let Some(ticket) = self.tickets.get_mut(&key) else {
            return;
        };
        ticket.phase = Phase::Resting;
        let request = ticket.request.clone();
        let wanted = if request.reduce_only {
            let net = self.account.position(&request.ticker).net;
            net.reduced_by(request.side, ticket.open_contracts())
        } else {
            ticket.open_contracts()
        };
        let found = self.taken.available(book, request.side, request.limit);
        let parts = worse_of(request.side, ladder, &found, wanted);
        let total = total_of(parts.iter().map(|part| part.size));
        let offered = total_of(ladder.iter().map(|level| level.size)).min(wanted);
        if request.time_in_force == TimeInForce::FillOrKill && total < request.contracts {
            self.miss(offered);
        } else {
            let done = self.take_parts(key, &parts, book);
            self.miss(offered.saturating_sub(done));
        }
        if !matches!(request.time_in_force, TimeInForce::GoodTillCanceled { .. })
            && let Some(ticket) = self.tickets.get_mut(&key)
        {
            ticket.finish(at);
        }
        self.finish_if_whole(key, at);
    }

    fn take_parts(&mut self, key: u64, parts: &[Part], book: &Book) -> Contracts {
        let mut done = Contracts::ZERO;
        for part in parts {
            let Some((side, fees)) = self.side_and_fees(key) else {
                break;
            };
            let before = self.account.position(&book.ticker).net;
            let Some(fill) = self.execute(key, part.price, part.size, Liquidity::Taker, book.received_at)
            else {
                break;
            };
            done = done.checked_add(part.size).unwrap_or(done);
            self.taken.take(book, side, part.size);
            let at_decision = Fill {
                price: part.decided,
                ..fill.clone()
            };
            self.gain(&fill, &at_decision, before, fees);
        }
        done
    }

    /// Counts what a fill would have saved at the price of the decision.
    fn gain(&mut self, fill: &Fill, at_decision: &Fill, before: Net, fees: FeeSchedule) {
        let result = |fill: &Fill| {
            let fee = fees.fee(fill.liquidity, fill.price, fill.contracts, FeeRounding::Direct)?;
            cash_of_fill(before, fill)?.checked_sub(fee)
        };
        if let (Some(paid), Some(hoped)) = (result(fill), result(at_decision)) {
            self.optimistic_gain = self.optimistic_gain.saturating_add(hoped.saturating_sub(paid));
        }
    }

    fn miss(&mut self, contracts: Contracts) {
        self.missed = self.missed.checked_add(contracts).unwrap_or(self.missed);
    }

    /// A resting order fills at its own price when the opposite side lies strictly through it, up to the depth there.
    pub(super) fn trade_through(&mut self, key: u64, book: &Book) -> bool {
        let Some(ticket) = self.tickets.get(&key) else {
            return false;
        };
        let (side, limit) = (ticket.request.side, ticket.request.limit);
        let available = self.taken.available(book, side, limit);
        let through = available.iter().filter(|level| level.price != limit);
        let contracts = total_of(through.map(|level| level.size)).min(ticket.open_contracts());
        if contracts.is_zero() {
            return false;
        }
        if self
            .execute(key, limit, contracts, Liquidity::Maker, book.received_at)
            .is_some()
        {
            self.taken.take(book, side, contracts);
        }
        self.finish_if_whole(key, book.received_at);
        true
    }

    fn side_and_fees(&self, key: u64) -> Option<(BookSide, FeeSchedule)> {
        let request = &self.tickets.get(&key)?.request;
        Some((request.side, self.terms.get(&request.ticker)?.fees))
    }

    pub(super) fn finish_if_whole(&mut self, key: u64, at: DateTime<Utc>) {
        if let Some(ticket) = self.tickets.get_mut(&key)
            && ticket.filled >= ticket.request.contracts
        {
            ticket.finish(at);
        }
    }

    /// Fills a part of an order; an order that the bankroll cannot pay for is cancelled instead.
    pub(super) fn execute(
        &mut self,
        key: u64,
        price: Price,
        contracts: Contracts,
        liquidity: Liquidity,
        at: DateTime<Utc>,
    ) -> Option<Fill> {
        let (_, fees) = self.side_and_fees(key)?;
        let ticket = self.tickets.get_mut(&key)?;
        let mut fill = Fill {
            fill_id: format!("{}-{}", ticket.venue_order_id, ticket.fills),
            venue_order_id: ticket.venue_order_id.clone(),
            // As at the exchange: fills name the venue's order only.
            client_order_id: None,
            ticker: ticket.request.ticker.clone(),
            side: ticket.request.side,
            price,
            contracts,
            fee: Money::ZERO,
            liquidity,
            filled_at: at,
        };
        let before = self.account.position(&fill.ticker).net;
        let trade_fee = fees.fee(liquidity, price, contracts, FeeRounding::Direct)?;
        let mut rounding = ticket.rounding;
        fill.fee = rounding.net_fee(trade_fee, cash_of_fill(before, &fill)?, self.settings.rounding);
        let mut account = self.account.clone();
        let booked = account.book(&fill).is_ok();
        if !booked || account.cash.is_none_or(Money::is_negative) {
            ticket.finish(at);
            return None;
        }
        ticket.rounding = rounding;
        ticket.fills = ticket.fills.saturating_add(1);
        ticket.filled = ticket.filled.checked_add(contracts).unwrap_or(ticket.filled);
        ticket.changed_at = at;
        let open = ticket.open_contracts();
        ticket.reserved = ticket
            .reserved
            .fraction(open.raw(), open.raw().saturating_add(contracts.raw()))
            .unwrap_or(Money::ZERO);
        self.account = account;
        self.fills.push(fill.clone());
        Some(fill)
    }
}

fn total_of(sizes: impl Iterator<Item = Contracts>) -> Contracts {
    sizes.fold(Contracts::ZERO, |sum, size| sum.checked_add(size).unwrap_or(sum))
}
