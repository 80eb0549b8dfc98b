//! Results and payouts: determination, dispute, amendment, settlement.

use autotrader_domain::{Contracts, EventTicker, MarketStatus, Money, Net, Price, SettlementResult, Ticker};
use chrono::{DateTime, TimeDelta, Utc};

use super::Exchange;
use super::account::{Holding, SettlementEntry};
use super::feed::{FeedEvent, LifecycleStep};
use super::lifecycle::LifecycleError;
use super::listing::Determination;
use super::log::LogEntry;

/// A cent, in millionths of a dollar.
const CENT: i64 = 10_000;

/// What a settlement pays for contracts held.
struct Payout {
    /// Before it is rounded.
    exact: Money,
    /// Rounded down to whole cents, as the guide on settlement says.
    revenue: Money,
}

impl Payout {
    fn of(value: Price, yes: Contracts, no: Contracts) -> Self {
        let exact = value
            .times(yes)
            .unwrap_or(Money::ZERO)
            .saturating_add(value.complement().times(no).unwrap_or(Money::ZERO));
        Self {
            exact,
            revenue: Money::micros(exact.raw() - exact.raw().rem_euclid(CENT)),
        }
    }

    const fn fee(&self) -> Money {
        self.exact.saturating_sub(self.revenue)
    }
}

impl Exchange {
    /// Sets a market's result; it pays after its settlement timer.
    ///
    /// A market that may close early closes now if it is still open. A market already decided or disputed but not paid is
    /// amended and its timer starts again. `value` is what one YES contract pays; for yes and no it is one dollar and nothing.
    ///
    /// # Errors
    /// When the market is not listed, still open and may not close early, or already paid.
    pub fn determine(
        &mut self,
        ticker: &Ticker,
        result: SettlementResult,
        value: Price,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        let wrong = LifecycleError::WrongStatus {
            ticker: ticker.clone(),
            status: market.status,
        };
        match market.status {
            MarketStatus::Closed
            | MarketStatus::Determined
            | MarketStatus::Disputed
            | MarketStatus::Amended => {}
            MarketStatus::Active | MarketStatus::Inactive if market.listing.can_close_early => {
                self.move_close_time(ticker, now, now)?;
            }
            _ => return Err(wrong),
        }
        self.decide(ticker, result, value)
    }

    /// Voids a market: it is decided as scalar at a fair price, which is its last price, or half a dollar where none traded.
    ///
    /// # Errors
    /// As [`Exchange::determine`].
    pub fn void_market(&mut self, ticker: &Ticker, at: DateTime<Utc>) -> Result<(), LifecycleError> {
        self.tick(at);
        let half = Price::from_cents(50).unwrap_or(Price::ZERO);
        let fair = self.market_mut(ticker)?.last_price.unwrap_or(half);
        self.determine(ticker, SettlementResult::Scalar, fair, at)
    }

    /// Disputes a market's result: it does not pay until it is decided again.
    ///
    /// # Errors
    /// When the market is not listed, not decided or already paid.
    pub fn dispute(&mut self, ticker: &Ticker, at: DateTime<Utc>) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        if !matches!(market.status, MarketStatus::Determined | MarketStatus::Amended) {
            return Err(LifecycleError::WrongStatus {
                ticker: ticker.clone(),
                status: market.status,
            });
        }
        market.status = MarketStatus::Disputed;
        market.updated_at = now;
        self.log.push(LogEntry::Dispute {
            at: now,
            ticker: ticker.clone(),
        });
        self.refresh_returns(ticker);
        Ok(())
    }

    /// Amends the result of a market that has paid: after its settlement timer every payout is taken back and made again, which
    /// may leave an account with less than nothing.
    ///
    /// The guide on the lifecycle calls a paid market's state terminal; this is a fault for those who believe it.
    ///
    /// # Errors
    /// When the market is not listed or has not paid.
    pub fn amend_settled(
        &mut self,
        ticker: &Ticker,
        result: SettlementResult,
        value: Price,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let market = self.market_mut(ticker)?;
        if market.status != MarketStatus::Finalized {
            return Err(LifecycleError::WrongStatus {
                ticker: ticker.clone(),
                status: market.status,
            });
        }
        market.settled_at = None;
        self.decide(ticker, result, value)
    }

    fn decide(
        &mut self,
        ticker: &Ticker,
        result: SettlementResult,
        value: Price,
    ) -> Result<(), LifecycleError> {
        let now = self.now;
        let market = self.market_mut(ticker)?;
        let value = match result {
            SettlementResult::Yes => Price::ONE,
            SettlementResult::No => Price::ZERO,
            SettlementResult::Scalar => value,
        };
        let timer = TimeDelta::seconds(i64::from(market.listing.settlement_timer_seconds));
        let determination = Determination {
            result,
            value,
            at: now,
            pays_at: now + timer,
        };
        market.status = match market.status {
            MarketStatus::Closed => MarketStatus::Determined,
            _ => MarketStatus::Amended,
        };
        market.determination = Some(determination);
        market.updated_at = now;
        self.agenda.settle(determination.pays_at, ticker);
        self.log.push(LogEntry::Determination {
            at: now,
            ticker: ticker.clone(),
            result,
            value,
        });
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step: LifecycleStep::Determined(determination),
            at: now,
        });
        self.refresh_returns(ticker);
        self.tick(now);
        Ok(())
    }

    /// Sets the results of an event: the winner's market is yes, the others are no; without a winner all are no.
    ///
    /// # Errors
    /// As [`Exchange::determine`], at the first market it is not possible for.
    pub fn determine_event(
        &mut self,
        event: &EventTicker,
        winner: Option<&Ticker>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        let listed = self
            .events
            .get(event)
            .ok_or_else(|| LifecycleError::NotListed(event.to_string()))?;
        for ticker in listed.markets.clone() {
            let result = if winner == Some(&ticker) {
                SettlementResult::Yes
            } else {
                SettlementResult::No
            };
            self.determine(&ticker, result, Price::ZERO, at)?;
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, ticker: &Ticker, due_at: DateTime<Utc>) {
        let now = self.now;
        let Some(market) = self.markets.get_mut(ticker) else {
            return;
        };
        let Some(determination) = market.determination else {
            return;
        };
        let pays = matches!(market.status, MarketStatus::Determined | MarketStatus::Amended);
        if determination.pays_at != due_at || !pays {
            return;
        }
        market.status = MarketStatus::Finalized;
        market.settled_at = Some(now);
        market.open_interest = Contracts::ZERO;
        let event = market.listing.event.clone();
        let paid: Vec<SettlementEntry> = self
            .settlements
            .extract_if(.., |entry| entry.ticker == *ticker)
            .collect();
        if paid.is_empty() {
            self.pay_holders(ticker, &event, determination);
        } else {
            self.pay_again(paid, determination);
        }
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step: LifecycleStep::Settled(now),
            at: now,
        });
        self.refresh_returns(ticker);
    }

    fn pay_holders(&mut self, ticker: &Ticker, event: &EventTicker, determination: Determination) {
        let now = self.now;
        let mut entries = Vec::new();
        for account in &mut self.accounts {
            let Some(holding) = account.holdings.get_mut(ticker) else {
                continue;
            };
            if holding.net.is_flat() {
                continue;
            }
            let (yes, no) = match holding.net.raw() {
                net if net > 0 => (holding.net.size(), Contracts::ZERO),
                _ => (Contracts::ZERO, holding.net.size()),
            };
            let payout = Payout::of(determination.value, yes, no);
            let cost = holding.cost;
            close_out(holding, &payout, now);
            let fees = holding.fees;
            account.cash = account.cash.saturating_add(payout.revenue);
            account.updated_at = now;
            account.note_change(Some(ticker), now);
            let (yes_cost, no_cost) = if yes.is_zero() {
                (Money::ZERO, cost)
            } else {
                (cost, Money::ZERO)
            };
            entries.push(SettlementEntry {
                account: account.id,
                ticker: ticker.clone(),
                event: event.clone(),
                result: determination.result,
                value: determination.value,
                yes_count: yes,
                yes_cost,
                no_count: no,
                no_cost,
                revenue: payout.revenue,
                settlement_fee: payout.fee(),
                fees,
                balance: account.balance(),
                at: now,
            });
        }
        for entry in entries {
            self.fees_kept = self.fees_kept.saturating_add(entry.settlement_fee);
            self.book_settlement(entry);
        }
    }

    /// Takes back what was paid for a result that was amended, and pays for the new one.
    fn pay_again(&mut self, paid: Vec<SettlementEntry>, determination: Determination) {
        let now = self.now;
        for old in paid {
            let payout = Payout::of(determination.value, old.yes_count, old.no_count);
            let fee = payout.fee();
            let Some(account) = self.account_mut(old.account) else {
                continue;
            };
            account.cash = account.cash.saturating_sub(old.revenue);
            let reversed = account.balance();
            account.cash = account.cash.saturating_add(payout.revenue);
            account.updated_at = now;
            let mut fees = old.fees;
            if let Some(holding) = account.holdings.get_mut(&old.ticker) {
                let before = old.revenue.saturating_add(old.settlement_fee);
                holding.realized = holding
                    .realized
                    .saturating_add(payout.exact)
                    .saturating_sub(before);
                holding.fees = holding
                    .fees
                    .saturating_add(fee)
                    .saturating_sub(old.settlement_fee);
                holding.updated_at = now;
                fees = holding.fees;
            }
            account.note_change(Some(&old.ticker), now);
            let balance = account.balance();
            self.fees_kept = self
                .fees_kept
                .saturating_add(fee)
                .saturating_sub(old.settlement_fee);
            self.log.push(LogEntry::Reversal {
                at: now,
                account: old.account,
                ticker: old.ticker.clone(),
                revenue: old.revenue,
                balance: reversed,
            });
            self.book_settlement(SettlementEntry {
                result: determination.result,
                value: determination.value,
                revenue: payout.revenue,
                settlement_fee: fee,
                fees,
                balance,
                at: now,
                ..old
            });
        }
    }

    fn book_settlement(&mut self, entry: SettlementEntry) {
        let holding = self
            .account(entry.account)
            .and_then(|holder| holder.holdings.get(&entry.ticker))
            .cloned();
        if let (Some(holding), true) = (holding, self.is_member(entry.account)) {
            self.publish(FeedEvent::Position {
                account: entry.account,
                ticker: entry.ticker.clone(),
                holding,
                at: entry.at,
            });
        }
        self.log.push(LogEntry::Settlement(entry.clone()));
        self.settlements.push(entry);
    }
}

/// Ends a holding with its payout.
fn close_out(holding: &mut Holding, payout: &Payout, now: DateTime<Utc>) {
    holding.realized = holding
        .realized
        .saturating_add(payout.exact)
        .saturating_sub(holding.cost);
    holding.fees = holding.fees.saturating_add(payout.fee());
    holding.net = Net::ZERO;
    holding.cost = Money::ZERO;
    holding.fee_cost = Money::ZERO;
    holding.updated_at = now;
}
