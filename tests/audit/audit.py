"""Recomputes every balance of the stand-in exchange from its NDJSON log, with nothing but this file's own arithmetic.

Usage: audit.py [--ledger-only] LOG

Reads the log of `autotrader simulate --log LOG` or the `exchange.ndjson` of `autotrader demo --export DIR` and follows
every member account: cash, contracts, fees of every fill, collateral returned in mutually exclusive events, payments and
reversals of settlements, what is filled and left of every order, and the queue among the members' own orders. Each amount
the log states is compared, and every balance, position, fill, order and settlement in a recorded answer. The first
difference is named with its line and the exit code is 1. With `--ledger-only` recorded answers are not compared: an
exchange that lies to its clients on purpose (faults) still has to keep its books.

The fills of house accounts (the market maker) are not in the log, so only members are followed.
"""

import json
import sys
from collections import Counter, defaultdict
from fractions import Fraction

from fees import CENT, GRID, MICRO, Rounding, trade_fee


class Difference(Exception):
    """The log contradicts itself."""


def scaled(text, places):
    """Decimal text as a whole number of 10^-places."""
    if not isinstance(text, str):
        raise Difference(f"{text!r} is no decimal text")
    exact = Fraction(text) * 10**places
    if exact.denominator != 1:
        raise Difference(f"{text} is finer than {places} decimals")
    return exact.numerator


def money(text):
    return scaled(text, 6)


def contracts(text):
    return scaled(text, 2)


def price_of(text):
    return scaled(text, 4)


def shown(micros):
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // MICRO}.{abs(micros) % MICRO:06d}"


def equal(what, logged, computed):
    if logged != computed:
        raise Difference(f"{what}: the log says {logged}, the audit {computed}")


def equal_money(what, logged, computed):
    if logged != computed:
        raise Difference(f"{what}: the log says {shown(logged)}, the audit {shown(computed)}")


class Order:
    """One order of a member."""

    def __init__(self, account, asked, accepted, rank):
        self.account = account
        self.ticker = asked["ticker"]
        self.side = asked["side"]
        self.price = price_of(asked["price"])
        self.total = contracts(asked["count"])
        self.may_rest = asked["time_in_force"] not in ("immediate_or_cancel", "fill_or_kill")
        self.rank = rank
        self.rounding = Rounding()
        self.fees = {True: 0, False: 0}
        self.cost = {True: 0, False: 0}
        self.filled = 0
        self.acked = contracts(accepted["filled"])
        self.first_ack = (contracts(accepted["filled"]), contracts(accepted["remaining"]))
        self.taken = 0
        self.ended = False
        left = contracts(accepted["remaining"])
        whole = self.total - self.acked
        if left not in (0, whole):
            raise Difference(f"of {self.total} with {self.acked} filled, {left} cannot be left")
        if left and not self.may_rest:
            raise Difference("an order that must not rest has something left")
        # Filled at once by the fills that follow in the log.
        self.remaining = self.acked + left

    def fill(self, count, is_taker, fee, cost):
        self.filled += count
        self.remaining -= count
        self.taken += count if is_taker else 0
        self.fees[is_taker] += fee
        self.cost[is_taker] += cost
        if self.remaining < 0:
            raise Difference("more is filled than was left")

    def better_than(self, price):
        return self.price > price if self.side == "bid" else self.price < price


class Account:
    """The books of one member, laid out differently from the exchange's.

    A bid pays its price, an ask earns it, and every contract short ties one dollar up until it is bought back or settled.
    """

    def __init__(self, name, cash):
        self.name = name
        self.flow = cash
        self.paid_in = cash
        self.net = defaultdict(int)
        self.fees = 0
        self.market_fees = defaultdict(int)
        self.market_flow = defaultdict(int)
        self.returned = {}
        self.netting = False
        self.settled = {}
        self.touched = 0

    def cash(self):
        return self.flow - self.fees - sum(map(tied_up, self.net.values()))

    def balance(self):
        return self.cash() + sum(self.returned.values())


def tied_up(net):
    return max(-net, 0) * MICRO // 100


class Audit:
    """Follows a log line by line."""

    def __init__(self, ledger_only):
        self.ledger_only = ledger_only
        self.accounts = {}
        self.house = set()
        self.orders = {}
        self.series = {}
        self.events = {}
        self.event_fees = {}
        self.markets = {}
        self.waived = {}
        self.winners = {}
        self.trades = {}
        self.fills = {}
        self.live = defaultdict(dict)
        self.rank = 0
        self.asked = {}
        self.seen = Counter()
        self.compared = Counter()

    def line(self, entry):
        kind = entry["kind"]
        self.seen[kind] += 1
        handler = getattr(self, f"on_{kind}", None)
        if handler is None:
            raise Difference(f"the audit does not know the kind `{kind}`")
        handler(entry)
        if kind in ("order_request", "fill", "settlement", "reversal", "collateral_return", "deposit", "removal"):
            holder = self.accounts.get(entry.get("account"))
            if holder:
                holder.touched += 1

    # Listings and fees.

    def on_series_fees(self, entry):
        self.series[entry["series"]] = (entry["model"], entry["multiplier_millionths"])

    def on_event_listed(self, entry):
        self.events[entry["event"]] = (entry["series"], entry["mutually_exclusive"])

    def on_market_listed(self, entry):
        self.markets[entry["ticker"]] = entry["event"]

    def on_event_fees(self, entry):
        terms = entry.get("terms")
        self.event_fees[entry["event"]] = terms and (terms["model"], terms["multiplier_millionths"])

    def on_fee_waiver(self, entry):
        self.waived[entry["ticker"]] = entry["until"]

    def fee_terms(self, ticker, at):
        event = self.markets[ticker]
        model, multiplier = self.event_fees.get(event) or self.series[self.events[event][0]]
        waived = ticker in self.waived and instant(at) < instant(self.waived[ticker])
        return model, 0 if waived else multiplier

    # Accounts.

    def on_opening(self, entry):
        if entry["account_kind"] == "house":
            self.house.add(entry["account"])
            return
        self.accounts[entry["account"]] = Account(entry["name"], money(entry["cash"]))
        self.stated_balance(entry)

    def on_deposit(self, entry):
        if entry["account"] in self.accounts:
            holder = self.accounts[entry["account"]]
            holder.flow += money(entry["cash"])
            holder.paid_in += money(entry["cash"])
            self.stated_balance(entry)

    def on_netting(self, entry):
        if entry["account"] in self.accounts:
            self.accounts[entry["account"]].netting = entry["enabled"]

    def stated_balance(self, entry):
        holder = self.accounts[entry["account"]]
        equal_money(f"balance of {holder.name}", money(entry["balance"]), holder.balance())
        self.compared["balances in the ledger"] += 1

    # Orders.

    def next_rank(self):
        self.rank += 1
        return self.rank

    def on_order_request(self, entry):
        accepted = entry.get("accepted")
        if accepted is None or entry["account"] in self.house:
            return
        order_id = accepted["order_id"]
        if order_id in self.orders:
            raise Difference(f"order {order_id} is accepted twice")
        order = Order(entry["account"], entry["order"], accepted, self.next_rank())
        self.orders[order_id] = order
        if order.may_rest:
            self.live[order.ticker, order.side][order_id] = order

    def on_amend_request(self, entry):
        accepted = entry.get("accepted")
        order = self.orders.get(entry["order_id"])
        if accepted is None or order is None:
            return
        amend = entry["amend"]
        total, price = contracts(amend["count"]), price_of(amend["price"])
        left = total - order.filled
        if price != order.price or left > order.remaining:
            order.rank = self.next_rank()
        order.total, order.price, order.remaining = total, price, left
        if accepted.get("filled") is not None:
            filled = contracts(accepted["filled"])
            order.acked += filled
            after = contracts(accepted["remaining"])
            if after not in (0, left - filled):
                raise Difference(f"amended to {left} left with {filled} filled, {after} cannot be left")
            order.remaining = filled + after

    def on_decrease_request(self, entry):
        accepted = entry.get("accepted")
        order = self.orders.get(entry["order_id"])
        if accepted is None or order is None:
            return
        (how, text), = entry["decrease"].items()
        left = contracts(text) if how == "to" else max(order.remaining - contracts(text), 0)
        equal("left after the decrease", contracts(accepted["remaining"]), left)
        self.removed_by_request(order, left)

    def removed_by_request(self, order, left):
        if left:
            order.remaining = left
        # What nothing is left of is taken off by the removal or the request itself.
        elif order.remaining:
            order.remaining, order.ended = 0, True

    def on_cancel_request(self, entry):
        order = self.orders.get(entry["order_id"])
        accepted = entry.get("accepted")
        if accepted is None or order is None:
            return
        equal("taken off by the cancel", contracts(accepted["reduced_by"]), order.remaining)
        order.remaining, order.ended = 0, True

    def on_removal(self, entry):
        order = self.orders.get(entry["order_id"])
        if order is None:
            return
        if not (order.ended and order.remaining == 0):
            equal("taken off", contracts(entry["count"]), order.remaining)
        order.remaining, order.ended = 0, True

    def on_cancel_all_request(self, _entry):
        """The orders that go are logged one by one."""

    def on_order_group(self, _entry):
        """The orders that go with a group are logged one by one."""

    # Matches.

    def on_trade(self, entry):
        if entry["trade_id"] in self.trades:
            raise Difference(f"trade {entry['trade_id']} happens twice")
        self.trades[entry["trade_id"]] = {"trade": entry, "sides": set()}
        maker_side = "ask" if entry["taker_side"] == "bid" else "bid"
        price = price_of(entry["price"])
        for order_id, order in self.resting(entry["ticker"], maker_side):
            if order.better_than(price) and order.taken >= order.acked:
                raise Difference(f"the trade at {entry['price']} passes order {order_id}, which is better")

    def resting(self, ticker, side):
        """The members' orders with something left; what has ended never comes back."""
        live = self.live[ticker, side]
        for order_id in [order_id for order_id, order in live.items() if order.remaining == 0]:
            del live[order_id]
        return list(live.items())

    def on_fill(self, entry):
        if entry["account"] in self.house:
            return
        holder, order = self.accounts[entry["account"]], self.orders[entry["order_id"]]
        ticker, side, is_taker = entry["ticker"], entry["side"], entry["is_taker"]
        price, count = price_of(entry["price"]), contracts(entry["count"])
        self.match_with_trade(entry, order)
        if not is_taker:
            self.first_in_queue(entry, order)
        sign = 1 if side == "bid" else -1
        before = holder.net[ticker]
        holder.net[ticker] += sign * count
        paid = -sign * price * count
        revenue = paid - tied_up(before + sign * count) + tied_up(before)
        model, multiplier = self.fee_terms(ticker, entry["at"])
        fee = order.rounding.net_fee(trade_fee(model, multiplier, is_taker, price, count), revenue)
        equal_money(f"fee of {entry['count']} at {entry['price']}", money(entry["fee"]), fee)
        equal_money("cash of the fill", money(entry["revenue"]), revenue)
        holder.flow += paid
        holder.fees += fee
        holder.market_fees[ticker] += fee
        holder.market_flow[ticker] += revenue
        outcome = price if side == "bid" else 10_000 - price
        order.fill(count, is_taker, fee, outcome * count)
        equal("position after the fill", contracts(entry["position_after"]), holder.net[ticker])
        self.stated_balance(entry)
        self.fills[(entry["account"], entry["trade_id"], entry["order_id"])] = (price, count, fee, is_taker)
        self.compared["fills and their fees"] += 1

    def match_with_trade(self, entry, order):
        known = self.trades.get(entry["trade_id"])
        if known is None:
            raise Difference("a fill without its trade")
        trade = known["trade"]
        for key in ("ticker", "price", "count"):
            equal(f"{key} of the fill and its trade", entry[key], trade[key])
        maker_side = "ask" if trade["taker_side"] == "bid" else "bid"
        equal("side of the fill", entry["side"], trade["taker_side"] if entry["is_taker"] else maker_side)
        equal("side and market of its order", (entry["side"], entry["ticker"]), (order.side, order.ticker))
        if entry["side"] in known["sides"]:
            raise Difference("a trade has one fill a side")
        known["sides"].add(entry["side"])
        price = price_of(entry["price"])
        if price != order.price and not (entry["is_taker"] and not order_worse(order, price)):
            raise Difference(f"a fill at {entry['price']} of an order with limit {order.price}")

    def first_in_queue(self, entry, order):
        price = price_of(entry["price"])
        for order_id, other in self.resting(entry["ticker"], order.side):
            if other is not order and other.price == price and other.rank < order.rank and other.taken >= other.acked:
                raise Difference(f"order {order_id} stands before {entry['order_id']} at {entry['price']}")

    # Results and payments.

    def on_determination(self, entry):
        event = self.markets[entry["ticker"]]
        if entry["result"] == "yes":
            self.winners[event] = entry["ticker"]
        elif self.winners.get(event) == entry["ticker"]:
            del self.winners[event]

    def on_dispute(self, entry):
        event = self.markets[entry["ticker"]]
        if self.winners.get(event) == entry["ticker"]:
            del self.winners[event]

    def on_settlement(self, entry):
        if entry["account"] in self.house:
            return
        holder, ticker = self.accounts[entry["account"]], entry["ticker"]
        value = price_of(entry["value"])
        yes, no = contracts(entry["yes_count"]), contracts(entry["no_count"])
        net = holder.net.pop(ticker, 0)
        released = tied_up(net)
        if net == 0 and ticker in holder.settled:
            net = holder.settled[ticker]
        equal("contracts settled", yes - no, net)
        exact = value * yes + (10_000 - value) * no
        revenue = exact // CENT * CENT
        equal_money("settlement revenue", money(entry["revenue"]), revenue)
        equal_money("settlement fee", money(entry["settlement_fee"]), exact - revenue)
        holder.flow += revenue - released
        holder.market_fees[ticker] += exact - revenue
        holder.market_flow[ticker] += exact
        holder.settled[ticker] = net
        equal_money("fees of the market", money(entry["fees"]), holder.market_fees[ticker])
        self.stated_balance(entry)
        self.compared["settlements"] += 1

    def on_reversal(self, entry):
        holder = self.accounts.get(entry["account"])
        if holder is None:
            return
        ticker, paid = entry["ticker"], money(entry["revenue"])
        holder.flow -= paid
        # The fee of the payment that is taken back goes with it: what was below a cent.
        kept = self.kept_at_settlement(holder, ticker)
        holder.market_fees[ticker] -= kept
        holder.market_flow[ticker] -= paid + kept
        self.stated_balance(entry)

    def kept_at_settlement(self, holder, ticker):
        fills = sum(
            fee
            for (account, _, order_id), (_, _, fee, _) in self.fills.items()
            if self.accounts[account] is holder and self.orders[order_id].ticker == ticker
        )
        return holder.market_fees[ticker] - fills

    # Collateral return: sum of NO contracts less the largest, or all of them once the winner is known.

    def return_due(self, holder, event):
        series_and_kind = self.events.get(event)
        if not holder.netting or series_and_kind is None or not series_and_kind[1]:
            return 0
        winner = self.winners.get(event)
        sizes = [
            -net
            for ticker, net in holder.net.items()
            if net < 0 and self.markets[ticker] == event and ticker != winner
        ]
        certain = sum(sizes) - (max(sizes, default=0) if winner is None else 0)
        return certain * MICRO // 100

    def on_collateral_return(self, entry):
        holder = self.accounts.get(entry["account"])
        if holder is None:
            return
        event = entry["event"]
        due, before = self.return_due(holder, event), holder.returned.get(event, 0)
        equal_money(f"collateral returned in {event}", money(entry["returned"]), due)
        equal_money("change of the return", money(entry["change"]), due - before)
        holder.returned[event] = due
        self.stated_balance(entry)
        self.compared["collateral returns"] += 1

    def no_return_is_missing(self, holder):
        for event in {self.markets[ticker] for ticker in holder.net} | set(holder.returned):
            equal_money(
                f"collateral returned to {holder.name} in {event}",
                holder.returned.get(event, 0),
                self.return_due(holder, event),
            )

    # Recorded requests and answers.

    def on_request(self, entry):
        holder = self.accounts.get(entry.get("account"))
        self.asked[entry["seq"]] = (entry, holder.touched if holder else None)

    def on_answer(self, entry):
        request, touched = self.asked.pop(entry["request"])
        holder = self.accounts.get(request.get("account"))
        if self.ledger_only or holder is None or not 200 <= entry["status"] < 300:
            return
        path = request["path"].removeprefix("/trade-api/v2")
        if request["method"] == "POST" and path == "/portfolio/events/orders":
            self.answered_order(entry["body"])
            return
        if request["method"] != "GET":
            return
        if holder.touched != touched:
            self.compared["answers passed over: the account changed meanwhile"] += 1
            return
        self.answered_read(path, request, holder, entry["body"])

    def answered_order(self, body):
        order = self.orders[body["order_id"]]
        said = (contracts(body["fill_count"]), contracts(body["remaining_count"]))
        equal("counts of the answer", said, order.first_ack)
        self.compared["answers to orders"] += 1

    def answered_read(self, path, request, holder, body):
        account = request["account"]
        if path == "/portfolio/balance":
            self.no_return_is_missing(holder)
            balance = holder.balance() // GRID * GRID
            equal_money("balance in dollars", money(body["balance_dollars"]), balance)
            equal("balance in cents", body["balance"], balance // CENT)
            self.compared["balances in answers"] += 1
        elif path == "/portfolio/positions":
            for row in body["market_positions"]:
                self.answered_position(holder, row)
        elif path == "/portfolio/fills":
            for row in body["fills"]:
                self.answered_fill(account, row)
        elif path == "/portfolio/orders":
            for row in body["orders"]:
                self.answered_order_row(row)
        elif path.startswith("/portfolio/orders/") and "order" in body:
            self.answered_order_row(body["order"])
        elif path == "/portfolio/settlements":
            for row in body["settlements"]:
                equal_money("fees of the settlement", money(row["fee_cost"]), holder.market_fees[row["ticker"]])
                self.compared["settlements in answers"] += 1

    def answered_position(self, holder, row):
        ticker = row["ticker"]
        equal(f"position in {ticker}", contracts(row["position_fp"]), holder.net.get(ticker, 0))
        equal_money("fees of the position", money(row["fees_paid_dollars"]), holder.market_fees[ticker])
        # What was earned less what the contracts held cost is what flowed.
        flow = money(row["realized_pnl_dollars"]) - money(row["market_exposure_dollars"])
        equal_money("profit less exposure", flow, holder.market_flow[ticker])
        self.compared["positions in answers"] += 1

    def answered_fill(self, account, row):
        price, count, fee, is_taker = self.fills[(account, row["trade_id"], row["order_id"])]
        equal("price of the fill", price_of(row["yes_price_dollars"]), price)
        equal("size of the fill", contracts(row["count_fp"]), count)
        equal_money("fee of the fill", money(row["fee_cost"]), fee)
        equal("liquidity of the fill", row["is_taker"], is_taker)
        self.compared["fills in answers"] += 1

    def answered_order_row(self, row):
        order = self.orders[row["order_id"]]
        equal("filled", contracts(row["fill_count_fp"]), order.filled)
        equal("left", contracts(row["remaining_count_fp"]), order.remaining)
        for is_taker, who in ((True, "taker"), (False, "maker")):
            equal_money(f"{who} fees", money(row[f"{who}_fees_dollars"]), order.fees[is_taker])
            equal_money(f"{who} cost", money(row[f"{who}_fill_cost_dollars"]), order.cost[is_taker])
        self.compared["orders in answers"] += 1

    def end(self):
        """What must hold when the log ends."""
        for order_id, order in self.orders.items():
            equal(f"filled at once of order {order_id}", order.acked, order.taken)
        for holder in self.accounts.values():
            self.no_return_is_missing(holder)
            equal_money(
                f"cash of {holder.name} by markets",
                holder.cash(),
                holder.paid_in + sum(holder.market_flow.values()) - sum(holder.market_fees.values()),
            )


def order_worse(order, price):
    """Whether a price is worse for the order than its limit."""
    return price > order.price if order.side == "bid" else price < order.price


def instant(text):
    """A time as text that sorts: the log writes UTC with up to nine decimals."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return head, fraction.ljust(9, "0")


def run(path, ledger_only):
    audit = Audit(ledger_only)
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                audit.line(json.loads(line))
            except Difference as difference:
                raise Difference(f"line {number}: {difference}: {line.strip()[:400]}") from None
            except (KeyError, TypeError, ValueError) as error:
                raise Difference(f"line {number}: cannot be followed ({error!r}): {line.strip()[:400]}") from error
    audit.end()
    return audit


def main():
    arguments = sys.argv[1:]
    ledger_only = "--ledger-only" in arguments
    paths = [word for word in arguments if not word.startswith("--")]
    if len(paths) != 1 or set(arguments) - set(paths) - {"--ledger-only"}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        audit = run(paths[0], ledger_only)
    except Difference as difference:
        print(f"audit: DIFFERENT: {difference}", file=sys.stderr)
        return 1
    if not audit.accounts:
        print("audit: the log opens no account", file=sys.stderr)
        return 1
    for number, holder in sorted(audit.accounts.items()):
        print(
            f"account {number} {holder.name}: cash {shown(holder.cash())}, returned "
            f"{shown(sum(holder.returned.values()))}, balance {shown(holder.balance())}, fees {shown(holder.fees)}"
        )
    for name, count in sorted(audit.compared.items()):
        print(f"compared: {count} {name}")
    print("lines: " + ", ".join(f"{count} {kind}" for kind, count in sorted(audit.seen.items())))
    print("audit: every amount agrees")
    return 0


if __name__ == "__main__":
    sys.exit(main())
