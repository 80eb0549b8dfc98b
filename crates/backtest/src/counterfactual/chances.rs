//! Finding the chances in the why-ledger, and what became of them.

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Contracts, Decided, Fill, Money, Net, Price, Ticker, Wanted, Why};
use chrono::{DateTime, Utc};

use super::{Chance, End, Evidence, Guard, Overflow};

/// One reason on one side of one contract.
type Place = (BookSide, Guard);

/// A chance before it is known what became of it.
struct Draft<'a> {
    first: &'a Why,
    entry: &'a Wanted,
    until: DateTime<Utc>,
    lines: u32,
    wanted: Contracts,
    bought: Contracts,
}

/// Contracts of one market that a fill of ours opened.
struct Opened {
    at: DateTime<Utc>,
    side: BookSide,
    contracts: Contracts,
}

/// Every chance, by contract and then by its first line.
///
/// # Errors
/// [`Overflow`] when figures of a market do not fit into money.
pub fn chances(evidence: &Evidence<'_>) -> Result<Vec<Chance>, Overflow> {
    let mut lines: BTreeMap<&Ticker, Vec<&Why>> = BTreeMap::new();
    for line in evidence.lines {
        lines.entry(&line.ticker).or_default().push(line);
    }
    let mut opened = opened(evidence.fills)?;
    let decided = last_words(evidence.decided);
    let mut found = Vec::new();
    for (ticker, mut lines) in lines {
        lines.sort_by_key(|line| line.at);
        let overflow = || Overflow {
            ticker: ticker.clone(),
        };
        let word = decided.get(ticker).copied();
        let fills = opened.remove(ticker).unwrap_or_default();
        let mark = word.filter(|word| !word.paid).map(|word| word.yes_value);
        let mark = mark.or_else(|| last_market(&lines));
        let mut of_contract = Vec::new();
        for mut drafts in drafts(&lines).into_values() {
            take_off(&mut drafts, &fills, word.filter(|word| word.paid));
            for draft in &drafts {
                of_contract.push(settle(draft, word, mark).ok_or_else(overflow)?);
            }
        }
        of_contract.sort_by_key(|chance| (chance.from, chance.side, chance.guard));
        found.extend(of_contract);
    }
    Ok(found)
}

/// The chances of one contract's lines, oldest first, by side and reason.
fn drafts<'a>(lines: &[&'a Why]) -> BTreeMap<Place, Vec<Draft<'a>>> {
    let mut drafts: BTreeMap<Place, Vec<Draft<'a>>> = BTreeMap::new();
    let mut running: Option<Place> = None;
    for line in lines {
        let guard = Guard::of(line);
        let wish = line.wanted.as_ref();
        let Some(entry) = wish.filter(|entry| guard.is_ours() && !entry.contracts.is_zero()) else {
            running = None;
            continue;
        };
        let place = (entry.side, guard);
        let goes_on = running.replace(place) == Some(place);
        let of_place = drafts.entry(place).or_default();
        let before: Contracts = of_place.iter().fold(Contracts::ZERO, |sum, draft| {
            // More than can be counted is more than anything wanted.
            sum.checked_add(draft.wanted).unwrap_or(sum)
        });
        let more = entry.contracts.saturating_sub(before);
        match of_place.last_mut() {
            Some(last) if goes_on || more.is_zero() => {
                last.until = line.at;
                last.lines = last.lines.saturating_add(1);
            }
            _ => of_place.push(Draft {
                first: line,
                entry,
                until: line.at,
                lines: 1,
                wanted: more,
                bought: Contracts::ZERO,
            }),
        }
    }
    drafts
}

/// Takes what was bought after all off the chances of one reason on one side, the oldest first.
fn take_off(drafts: &mut [Draft<'_>], fills: &[Opened], paid: Option<&Decided>) {
    let before_payment = |fill: &&Opened| paid.is_none_or(|paid| fill.at < paid.at);
    for fill in fills.iter().filter(before_payment) {
        let mut left = fill.contracts;
        for draft in drafts.iter_mut() {
            if draft.entry.side != fill.side || draft.first.at > fill.at {
                continue;
            }
            let part = left.min(draft.wanted.saturating_sub(draft.bought));
            draft.bought = draft.bought.checked_add(part).unwrap_or(draft.wanted);
            left = left.saturating_sub(part);
        }
    }
}

/// What a chance came to; `None` on overflow.
fn settle(draft: &Draft<'_>, word: Option<&Decided>, mark: Option<Price>) -> Option<Chance> {
    let contracts = draft.wanted.saturating_sub(draft.bought);
    let cost = share(draft.entry.cost, contracts, draft.entry.contracts)?;
    let fees = share(draft.entry.fees, contracts, draft.entry.contracts)?;
    let side = draft.entry.side;
    let result = |worth: Money| worth.checked_sub(cost)?.checked_sub(fees);
    let end = match word.filter(|word| word.paid) {
        Some(word) => {
            let paid = worth(side, word.yes_value, contracts)?;
            End::Settled {
                at: word.at,
                yes_value: word.yes_value,
                paid,
                result: result(paid)?,
            }
        }
        None => {
            let worth = match mark {
                Some(mark) => Some(worth(side, mark, contracts)?),
                None => None,
            };
            End::Open {
                yes_mark: mark,
                worth,
                result: worth.and_then(result),
            }
        }
    };
    Some(Chance {
        ticker: draft.first.ticker.clone(),
        guard: Guard::of(draft.first),
        next_reason: draft.first.next_reason,
        side,
        from: draft.first.at,
        until: draft.until,
        lines: draft.lines,
        wanted: draft.wanted,
        bought: draft.bought,
        contracts,
        cost,
        fees,
        end,
    })
}

/// What contracts bought on one side are worth at a YES price.
const fn worth(side: BookSide, yes: Price, contracts: Contracts) -> Option<Money> {
    match side {
        BookSide::Bid => yes.times(contracts),
        BookSide::Ask => yes.complement().times(contracts),
    }
}

/// The share of some contracts in an amount for `all`, rounded up.
fn share(amount: Money, contracts: Contracts, all: Contracts) -> Option<Money> {
    let rest = all.saturating_sub(contracts);
    amount.checked_sub(amount.fraction(rest.raw(), all.raw())?)
}

/// What the market had YES at in the last line that says so, rounded down.
fn last_market(lines: &[&Why]) -> Option<Price> {
    let market = lines.iter().rev().find_map(|line| line.market)?;
    market.is_finite().then(|| Price::at_or_below(market))
}

/// The last word on one market, given all that were said of it. Only another value reopens what was paid: what was seen of a
/// market may lag behind its payout.
#[must_use]
pub fn last_word(decided: &[Decided]) -> Option<&Decided> {
    last_words(decided).into_values().next()
}

/// The last word on each market. Only another value reopens what was paid: what was seen of a market may lag behind its payout.
fn last_words(decided: &[Decided]) -> BTreeMap<&Ticker, &Decided> {
    let mut words: Vec<&Decided> = decided.iter().collect();
    words.sort_by_key(|word| word.at);
    let mut last: BTreeMap<&Ticker, &Decided> = BTreeMap::new();
    for word in words {
        let known = last.entry(&word.ticker).or_insert(word);
        let lags = known.paid && !word.paid && known.yes_value == word.yes_value;
        if !lags {
            *known = word;
        }
    }
    last
}

/// What our own fills opened or enlarged, by market, oldest first. Fills of others move the position all the same.
fn opened(fills: &[Fill]) -> Result<BTreeMap<&Ticker, Vec<Opened>>, Overflow> {
    let mut fills: Vec<&Fill> = fills.iter().collect();
    fills.sort_by(|a, b| (a.filled_at, &a.fill_id).cmp(&(b.filled_at, &b.fill_id)));
    let mut held: BTreeMap<&Ticker, Net> = BTreeMap::new();
    let mut opened: BTreeMap<&Ticker, Vec<Opened>> = BTreeMap::new();
    for fill in fills {
        let net = held.entry(&fill.ticker).or_insert(Net::ZERO);
        let reduces = net.reduced_by(fill.side, fill.contracts);
        *net = net.after(fill.side, fill.contracts).ok_or_else(|| Overflow {
            ticker: fill.ticker.clone(),
        })?;
        let contracts = fill.contracts.saturating_sub(reduces);
        if fill.client_order_id.is_some() && !contracts.is_zero() {
            opened.entry(&fill.ticker).or_default().push(Opened {
                at: fill.filled_at,
                side: fill.side,
                contracts,
            });
        }
    }
    Ok(opened)
}
