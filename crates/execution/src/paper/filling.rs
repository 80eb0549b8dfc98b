//! How paper orders fill: takers at the worse of two books, makers when the market goes through them.

use autotrader_domain::position::cash_of_fill;
use autotrader_domain::{
    Book, BookSide, Contracts, FeeRounding, FeeSchedule, Fill, Level, Liquidity, Money, Net, OrderRequest,
    Price, TimeInForce,
};
use chrono::{DateTime, Utc};

use super::depth::{Part, within, worse_of};
use super::desk::Desk;
use super::ticket::{Decided, Phase};

impl Desk {
    /// An order reaches the market: it takes the worse of two books, and the rest is cancelled or rests.
    pub(super) fn arrive(&mut self, key: u64, decided: &Decided, book: &Book) {
        let at = book.received_at;
        let Some(ticket) = self.tickets.get_mut(&key) else {
            return;
        };
        ticket.phase = Phase::Resting;
        let request = ticket.request.clone();
        let net = self.account.position(&request.ticker).net;
        let wanted = if request.reduce_only {
            net.reduced_by(request.side, request.contracts)
        } else {
            request.contracts
        };
        // Whoever holds what was missed as well closes that too.
        let hoped = self.hopeful_size(&request, net);
        let mut found = self.taken.available(book, request.side, request.limit);
        let own = self.own_at(&request);
        if let Some(own) = own {
            // Whoever meets himself is stopped there, and the levels before it are all there is.
            found.retain(|level| level.price != own && within(request.side, level.price, own));
        }
        let parts = worse_of(request.side, &decided.available, &found, wanted);
        let total = total_of(parts.iter().map(|part| part.size));
        let offered = total_of(decided.available.iter().map(|level| level.size)).min(wanted);
        let whole_only = request.time_in_force == TimeInForce::FillOrKill;
        if whole_only && total < request.contracts {
            self.miss(offered);
            if decided.shows() >= request.contracts {
                self.hope(key, &decided.shown, Contracts::ZERO, request.contracts);
            }
        } else {
            let done = self.take_parts(key, &parts, book);
            self.miss(offered.saturating_sub(done));
            // What the bankroll could not pay for, no account could.
            if done == total {
                self.hope(key, &decided.shown, done, hoped);
                let shown = shown_within(book, &request);
                self.hope(key, &shown, done.max(decided.shows()), hoped);
            }
            if let Some(last) = parts.last() {
                self.hope_less(key, last.price, done.saturating_sub(hoped));
            }
        }
        let rests = matches!(request.time_in_force, TimeInForce::GoodTillCanceled { .. });
        if rests && own.is_none() {
            // What the decision's book did not offer and the market has come through since costs the limit.
            let liquidity = if request.post_only {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            };
            self.trade_through(key, book, liquidity);
        } else if let Some(ticket) = self.tickets.get_mut(&key) {
            ticket.finish(at);
        }
        self.finish_if_whole(key, at);
    }

    /// The best price at which an order would meet another of this account; self-trade prevention cancels the taker there.
    fn own_at(&self, request: &OrderRequest) -> Option<Price> {
        let own = self
            .tickets()
            .filter(|own| own.phase == Phase::Resting && own.request.ticker == request.ticker)
            .filter(|own| own.request.side != request.side)
            .map(|own| own.request.limit)
            .filter(|price| within(request.side, *price, request.limit));
        match request.side {
            BookSide::Bid => own.min(),
            BookSide::Ask => own.max(),
        }
    }

    /// How many contracts an order would trade for an account that had got everything it missed: one that closes a part of
    /// a position closes that part of the larger or smaller one.
    pub(super) fn hopeful_size(&self, request: &OrderRequest, net: Net) -> Contracts {
        if !request.reduce_only {
            return request.contracts;
        }
        let missed = self.shadows.net(&request.ticker);
        let Some(hoped) = Net::from_raw(net.raw().saturating_add(missed.raw())) else {
            return Contracts::ZERO;
        };
        let all = hoped.reduced_by(request.side, hoped.size());
        if request.contracts >= net.size() {
            return if net.is_flat() {
                all.min(request.contracts)
            } else {
                all
            };
        }
        Money::micros(all.raw())
            .fraction(request.contracts.raw(), net.size().raw())
            .and_then(|part| Contracts::from_raw(part.raw()))
            .unwrap_or(Contracts::ZERO)
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

    /// Notes contracts that a real account might have got: those of a ladder after the first `from`, up to the `to`th.
    pub(super) fn hope(&mut self, key: u64, ladder: &[Level], from: Contracts, to: Contracts) {
        let (mut skipped, mut left) = (from, to.saturating_sub(from));
        for level in ladder {
            let skip = skipped.min(level.size);
            skipped = skipped.saturating_sub(skip);
            let part = left.min(level.size.saturating_sub(skip));
            left = left.saturating_sub(part);
            self.hope_at(key, level.price, part, Liquidity::Taker);
        }
    }

    /// Notes contracts that a real account might have got at a price.
    fn hope_at(&mut self, key: u64, price: Price, contracts: Contracts, liquidity: Liquidity) {
        let Some((side, fees)) = self.side_and_fees(key).filter(|_| !contracts.is_zero()) else {
            return;
        };
        let fee = fees.fee(liquidity, price, contracts, FeeRounding::Direct);
        let (Some(fee), Some(ticket)) = (fee, self.tickets.get_mut(&key)) else {
            return;
        };
        ticket.hoped = ticket.hoped.checked_add(contracts).unwrap_or(ticket.hoped);
        let ticker = ticket.request.ticker.clone();
        self.shadows.trade(&ticker, side, price, contracts, fee);
    }

    /// The level of a resting order was touched by so many contracts: it may have been served before others.
    pub(super) fn touch(&mut self, key: u64, contracts: Contracts) {
        let Some(ticket) = self.tickets.get(&key) else {
            return;
        };
        let limit = ticket.request.limit;
        let open = ticket.open_contracts().saturating_sub(ticket.hoped);
        self.hope_at(key, limit, contracts.min(open), Liquidity::Maker);
    }

    /// Notes contracts that the account traded and one that had got everything it missed would not have.
    fn hope_less(&mut self, key: u64, price: Price, contracts: Contracts) {
        if let Some(ticket) = self.tickets.get(&key)
            && !contracts.is_zero()
        {
            let (ticker, side) = (ticket.request.ticker.clone(), other(ticket.request.side));
            self.shadows.trade(&ticker, side, price, contracts, Money::ZERO);
        }
    }

    /// The account trades: what the order was hoped to have traded before is taken back.
    fn unhope(&mut self, key: u64, fill: &Fill) {
        let Some(ticket) = self.tickets.get_mut(&key) else {
            return;
        };
        let returned = ticket.hoped.min(fill.contracts);
        ticket.hoped = ticket.hoped.saturating_sub(returned);
        let limit = ticket.request.limit;
        self.hope_less(key, limit, returned);
    }

    fn miss(&mut self, contracts: Contracts) {
        self.missed = self.missed.checked_add(contracts).unwrap_or(self.missed);
    }

    /// A resting order fills at its own price when the opposite side lies strictly through it, up to the depth there.
    pub(super) fn trade_through(&mut self, key: u64, book: &Book, liquidity: Liquidity) -> bool {
        let Some(ticket) = self.tickets.get(&key) else {
            return false;
        };
        let (side, limit) = (ticket.request.side, ticket.request.limit);
        let available = self.taken.available(book, side, limit);
        let through = available.iter().filter(|level| level.price != limit);
        let contracts = total_of(through.map(|level| level.size)).min(ticket.open_contracts());
        if contracts.is_zero() {
            // The same contracts are shown by book after book.
            let hoped = ticket.hoped;
            let shown = total_of(available.iter().map(|level| level.size));
            self.touch(key, shown.saturating_sub(hoped));
            return false;
        }
        if self
            .execute(key, limit, contracts, liquidity, book.received_at)
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
        self.unhope(key, &fill);
        Some(fill)
    }
}

/// The levels that an order could take of a book, best first, whatever paper holds to be taken.
pub(super) fn shown_within(book: &Book, request: &OrderRequest) -> Vec<Level> {
    book.against(request.side)
        .take_while(|level| within(request.side, level.price, request.limit))
        .collect()
}

const fn other(side: BookSide) -> BookSide {
    match side {
        BookSide::Bid => BookSide::Ask,
        BookSide::Ask => BookSide::Bid,
    }
}

pub(super) fn total_of(sizes: impl Iterator<Item = Contracts>) -> Contracts {
    sizes.fold(Contracts::ZERO, |sum, size| sum.checked_add(size).unwrap_or(sum))
}
