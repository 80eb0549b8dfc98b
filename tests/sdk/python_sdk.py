"""Drives the stand-in exchange with the exchange's official Python SDK and checks what comes back.

Usage: python_sdk.py READY_LINE_FILE, where the file holds the JSON line that `autotrader simulate` prints when it is
ready. The SDK validates every answer against its own models; what is asserted here are the values. One line a step;
the exit code is 1 at the first difference.
"""

import json
import sys
import time
import uuid
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kalshi_python_sync import Configuration, KalshiClient
from kalshi_python_sync.exceptions import ApiException

TICK = Decimal("0.0001")


class Difference(Exception):
    """The stand-in said something else than the specification promises."""


def equal(what, found, expected):
    if found != expected:
        raise Difference(f"{what}: expected {expected!r}, found {found!r}")


def holds(what, condition):
    if not condition:
        raise Difference(what)


def step(name, detail=""):
    print(f"python sdk: {name}{': ' if detail else ''}{detail}", flush=True)


def client_of(base_url, key_id, pem):
    configuration = Configuration(host=base_url)
    configuration.api_key_id = key_id
    configuration.private_key_pem = pem
    return KalshiClient(configuration)


def call(method, *arguments, **named):
    """Calls and, like any client, waits while the exchange says 429."""
    for _ in range(20):
        try:
            return method(*arguments, **named)
        except ApiException as error:
            if error.status != 429:
                raise
            time.sleep(0.25)
    raise Difference("the exchange answered 429 for five seconds")


def refused(what, status, code, method, *arguments, **named):
    """Expects an error with this status and this code in its nested body."""
    try:
        answer = call(method, *arguments, **named)
    except ApiException as error:
        equal(f"{what}: status", error.status, status)
        error_body = json.loads(error.body)["error"]
        if code is not None:
            equal(f"{what}: code", error_body["code"], code)
        return error_body
    raise Difference(f"{what}: expected {status}, found the answer {answer!r}")


def fee_of(price, count, rate=Decimal("0.07")):
    """The taker's fee of one fill of whole contracts: rounded up to $0.0001."""
    return (rate * count * price * (1 - price)).quantize(TICK, ROUND_CEILING)


def balance_of(client):
    return Decimal(call(client.get_balance).balance_dollars)


def keys_are_told_apart(ready, pem):
    base_url, key_id = ready["base_url"], ready["key_id"]
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other_pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    body = refused(
        "another key", 401, "authentication_error", client_of(base_url, key_id, other_pem).get_balance
    )
    equal("another key: details", body.get("details"), "INCORRECT_API_KEY_SIGNATURE")
    stranger = client_of(base_url, str(uuid.uuid4()), pem)
    body = refused("unknown key id", 401, "authentication_error", stranger.get_balance)
    equal("unknown key id: details", body.get("details"), "NOT_FOUND")
    step("a wrong key and an unknown key id are refused", "401")


def every_kind_of_key_signs(ready, pem):
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    pkcs1 = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    holds("a PKCS#1 key says so", "BEGIN RSA PRIVATE KEY" in pkcs1)
    call(client_of(ready["base_url"], ready["key_id"], pkcs1).get_account_api_limits)
    if "ed25519_private_key_path" not in ready:
        raise Difference("the ready line names no Ed25519 key")
    ed25519 = Path(ready["ed25519_private_key_path"]).read_text()
    client = client_of(ready["base_url"], ready["ed25519_key_id"], ed25519)
    call(client.get_account_api_limits)
    step("RSA in PKCS#8 and PKCS#1 and Ed25519 sign")


def pages_of(method, field, **named):
    """All rows of a listing in pages, and how many pages there were."""
    rows, cursor, pages = [], None, 0
    while True:
        page = call(method, cursor=cursor, **named)
        rows += getattr(page, field)
        pages += 1
        holds(f"{field}: a listing ends", pages < 500)
        if not page.cursor:
            return rows, pages
        cursor = page.cursor


def market_data(client):
    status = call(client.get_exchange_status)
    equal("exchange active", (status.exchange_active, status.trading_active), (True, True))
    schedule = call(client.get_exchange_schedule).schedule
    holds("the schedule has weekly hours", len(schedule.standard_hours) >= 1)
    step("exchange status and schedule")

    markets, pages = pages_of(client.get_markets, "markets", limit=4)
    holds("markets come in several pages", pages >= 2)
    tickers = [market.ticker for market in markets]
    equal("no market twice", len(set(tickers)), len(tickers))
    whole = [market.ticker for market in call(client.get_markets, limit=1000).markets]
    equal("pages and the whole list", sorted(tickers), sorted(whole))
    step("markets, paged", f"{len(tickers)} markets in {pages} pages")

    chosen = tradable(markets)
    event = call(client.get_event, chosen.event_ticker)
    series = call(client.get_series, event.event.series_ticker).series
    equal("series", series.ticker, event.event.series_ticker)
    holds("the event lists the market", chosen.ticker in [m.ticker for m in event.markets])
    equal("market", call(client.get_market, chosen.ticker).market.ticker, chosen.ticker)
    events, _ = pages_of(client.get_events, "events", limit=2)
    equal("every market's event is listed", {m.event_ticker for m in markets} - {e.event_ticker for e in events}, set())
    step("market, event, series", f"{chosen.ticker}, fees {series.fee_type.value} x {series.fee_multiplier}")

    books(client, chosen)
    history(client, chosen, series.ticker)
    return chosen, series


def tradable(markets):
    """A market with room on both sides of the touch; of those the one that closes last."""
    fit = [
        market
        for market in markets
        if market.status == "active"
        and Decimal(market.yes_bid_dollars) >= Decimal("0.08")
        and Decimal(market.yes_ask_dollars) <= Decimal("0.90")
    ]
    holds("some market is quoted on both sides", bool(fit))
    return max(fit, key=lambda market: (market.close_time, market.ticker))


def books(client, market):
    book = call(client.get_market_orderbook, market.ticker).orderbook_fp
    for name, levels in (("yes", book.yes_dollars), ("no", book.no_dollars)):
        prices = [Decimal(price) for price, _ in levels]
        equal(f"{name} levels ascend", prices, sorted(prices))
        holds(f"{name} levels have sizes", all(Decimal(size) > 0 for _, size in levels))
    bid, ask = touch(book)
    holds(f"the book is not crossed: {bid} {ask}", bid < ask)
    batch = call(client.get_market_orderbooks, [market.ticker]).orderbooks
    equal("batched book", [entry.ticker for entry in batch], [market.ticker])
    shallow = call(client.get_market_orderbook, market.ticker, depth=1).orderbook_fp
    equal("depth 1", (len(shallow.yes_dollars), len(shallow.no_dollars)), (1, 1))
    step("order books", f"{bid} bid, {ask} ask")


def touch(book):
    return Decimal(book.yes_dollars[-1][0]), 1 - Decimal(book.no_dollars[-1][0])


def history(client, market, series_ticker):
    trades = call(client.get_trades, limit=50).trades
    for trade in trades:
        equal("the two prices of a trade", Decimal(trade.yes_price_dollars) + Decimal(trade.no_price_dollars), 1)
    now = int(time.time())
    candles = call(
        client.get_market_candlesticks, series_ticker, market.ticker, now - 3600, now, 1
    ).candlesticks
    for candle in candles:
        holds("a candle ends within the asked time", now - 3600 <= candle.end_period_ts <= now + 60)
    step("trades and candlesticks", f"{len(trades)} trades, {len(candles)} candles")


def order_fields(market, side, price, count, time_in_force="good_till_canceled", **more):
    fields = {
        "ticker": market.ticker,
        "side": side,
        "count": str(count),
        "price": str(price),
        "time_in_force": time_in_force,
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": str(uuid.uuid4()),
    }
    fields.update(more)
    return fields


def read_order(client, order_id):
    return call(client.get_order, order_id).order


def resting_order(client, market):
    fields = order_fields(market, "bid", "0.0100", "3.00")
    before = balance_of(client)
    ack = call(client.create_order_v2, **fields)
    equal("resting: counts", (ack.fill_count, ack.remaining_count), ("0.00", "3.00"))
    equal("resting: client id", ack.client_order_id, fields["client_order_id"])
    order = read_order(client, ack.order_id)
    equal("resting: status", order.status.value, "resting")
    equal("resting: price", (order.yes_price_dollars, order.no_price_dollars), ("0.0100", "0.9900"))
    equal("resting: direction", (order.book_side.value, order.outcome_side), ("bid", "yes"))
    listed, _ = pages_of(client.get_orders, "orders", status="resting", ticker=market.ticker, limit=1)
    holds("resting: listed", ack.order_id in [row.order_id for row in listed])
    equal("resting: balance is not touched", balance_of(client), before)
    total = call(client.get_portfolio_resting_order_total_value)
    holds("resting: total value", total.total_resting_order_value >= 3)
    position = Decimal(call(client.get_order_queue_position, ack.order_id).queue_position_fp)
    holds("resting: queue position", position >= 0)
    step("a resting order", f"queue position {position}")

    refused("same client id", 409, "order_already_exists", client.create_order_v2, **fields)
    step("a client id is used once", "409")

    amended = call(
        client.amend_order_v2,
        ack.order_id,
        ticker=market.ticker,
        side="bid",
        price="0.0200",
        count="5.00",
        client_order_id=fields["client_order_id"],
        updated_client_order_id=str(uuid.uuid4()),
    )
    equal("amended: counts", (amended.remaining_count, amended.order_id), ("5.00", ack.order_id))
    order = read_order(client, ack.order_id)
    equal("amended: order", (order.yes_price_dollars, order.remaining_count_fp), ("0.0200", "5.00"))
    step("amend", "to 5 at 0.02")

    decreased = call(client.decrease_order_v2, ack.order_id, reduce_to="2.00")
    equal("decrease to", decreased.remaining_count, "2.00")
    decreased = call(client.decrease_order_v2, ack.order_id, reduce_by="0.50")
    equal("decrease by", decreased.remaining_count, "1.50")
    step("decrease", "to 2, then by 0.50")

    canceled = call(client.cancel_order_v2, ack.order_id, market_ticker=market.ticker)
    equal("cancel: reduced by", (canceled.order_id, canceled.reduced_by), (ack.order_id, "1.50"))
    order = read_order(client, ack.order_id)
    equal("cancel: order", (order.status.value, order.remaining_count_fp), ("canceled", "0.00"))
    refused("cancel again", 404, "not_found", client.cancel_order_v2, ack.order_id)
    refused("client id of a canceled order", 409, "order_already_exists", client.create_order_v2, **fields)
    step("cancel", "1.50 taken off; again: 404")


def refusals(client, market):
    _, ask = touch(call(client.get_market_orderbook, market.ticker).orderbook_fp)
    crossing = order_fields(market, "bid", min(ask + Decimal("0.05"), Decimal("0.99")), "1.00", post_only=True)
    body = refused("post-only that crosses", 400, "invalid_order", client.create_order_v2, **crossing)
    equal("post-only: details", body.get("details"), "post only cross")
    kill = order_fields(market, "bid", "0.0100", "5.00", "fill_or_kill")
    refused(
        "fill-or-kill without depth",
        409,
        "fill_or_kill_insufficient_resting_volume",
        client.create_order_v2,
        **kill,
    )
    off_grid = order_fields(market, "bid", "0.0105", "1.00")
    refused("off the grid", 400, "invalid_price", client.create_order_v2, **off_grid)
    huge = order_fields(market, "bid", "0.0100", "100000000.00")
    refused("more than the account can pay", 400, "insufficient_balance", client.create_order_v2, **huge)
    step("post-only cross, fill-or-kill, off-grid price, balance", "refused as documented")


def taker_order(client, market, series):
    """Buys two contracts, checks fills, fees, position and balance, and sells them again reduce-only."""
    before = balance_of(client)
    held = position_of(client, market.ticker)
    flow = Decimal(0)
    for side, more in (("bid", {}), ("ask", {"reduce_only": True})):
        bid, ask = touch(call(client.get_market_orderbook, market.ticker).orderbook_fp)
        price = min(ask + Decimal("0.06"), Decimal("0.99")) if side == "bid" else max(bid - Decimal("0.06"), Decimal("0.01"))
        fields = order_fields(market, side, price, "2", "immediate_or_cancel", **more)
        ack = call(client.create_order_v2, **fields)
        equal(f"{side}: counts", (ack.fill_count, ack.remaining_count), ("2.00", "0.00"))
        fills, _ = pages_of(client.get_fills, "fills", order_id=ack.order_id, limit=1)
        equal(f"{side}: fills add up", sum(Decimal(fill.count_fp) for fill in fills), 2)
        sign = -1 if side == "bid" else 1
        notional = fees = Decimal(0)
        for fill in fills:
            paid, count = Decimal(fill.yes_price_dollars), Decimal(fill.count_fp)
            equal(f"{side}: fill is ours", (fill.ticker, fill.is_taker, fill.book_side.value), (market.ticker, True, side))
            holds(f"{side}: no worse than the limit", sign * paid >= sign * price)
            expected = fee_of(paid, count) * Decimal(str(series.fee_multiplier))
            equal(f"{side}: fee of {count} at {paid}", Decimal(fill.fee_cost), expected)
            notional += paid * count
            fees += expected
        flow += sign * notional - fees
        equal(f"{side}: average price", Decimal(ack.average_fill_price).quantize(TICK), (notional / 2).quantize(TICK))
        order = read_order(client, ack.order_id)
        equal(f"{side}: order", (order.status.value, order.fill_count_fp), ("executed", "2.00"))
        equal(f"{side}: fees of the order", Decimal(order.taker_fees_dollars), fees)
        expected_position = held + (2 if side == "bid" else 0)
        equal(f"{side}: position", position_of(client, market.ticker), expected_position)
        equal(f"{side}: balance", balance_of(client), before + flow)
        step(f"immediate-or-cancel {side}", f"2 for {notional}, fee {fees}; balance agrees")


def position_of(client, ticker):
    positions, _ = pages_of(client.get_positions, "market_positions", ticker=ticker, limit=10)
    equal("a market has one position", len(positions) <= 1, True)
    return Decimal(positions[0].position_fp) if positions else Decimal(0)


def batches(client, market):
    orders = [
        order_fields(market, "bid", "0.0100", "1.00"),
        order_fields(market, "bid", "0.0105", "1.00"),
        order_fields(market, "ask", "0.9900", "1.50"),
    ]
    made = call(client.batch_create_orders_v2, orders=orders).orders
    equal("batch: one answer an order", len(made), 3)
    equal(
        "batch: which failed",
        [item.error.code if item.error else None for item in made],
        [None, "invalid_price", None],
    )
    equal("batch: client ids in order", [item.client_order_id for item in made], [o["client_order_id"] for o in orders])
    good = [made[0], made[2]]
    wanted = [{"order_id": item.order_id, "market_ticker": market.ticker} for item in good]
    positions = call(client.get_order_queue_positions, market_tickers=market.ticker).queue_positions or []
    equal("queue positions", {row.order_id for row in positions} >= {item.order_id for item in good}, True)
    gone = call(client.batch_cancel_orders_v2, orders=wanted).orders
    equal("batch cancel", [(item.order_id, item.reduced_by) for item in gone], [(made[0].order_id, "1.00"), (made[2].order_id, "1.50")])
    step("batch create and cancel", "each item answered for itself")


def groups(client, market):
    group = call(client.create_order_group, contracts_limit_fp="10.00").order_group_id
    listed = call(client.get_order_groups).order_groups or []
    equal("group: listed", [row.contracts_limit_fp for row in listed if row.id == group], ["10.00"])
    ack = call(client.create_order_v2, **order_fields(market, "bid", "0.0100", "1.00", order_group_id=group))
    equal("group: its orders", call(client.get_order_group, group).orders, [ack.order_id])
    equal("group: on the order", read_order(client, ack.order_id).order_group_id, group)
    call(client.update_order_group_limit, group, contracts_limit_fp="20.00")
    equal("group: new limit", call(client.get_order_group, group).contracts_limit_fp, "20.00")
    call(client.trigger_order_group, group)
    equal("group: triggered", read_order(client, ack.order_id).status.value, "canceled")
    into = order_fields(market, "bid", "0.0100", "1.00", order_group_id=group)
    try:
        call(client.create_order_v2, **into)
        raise Difference("group: a triggered group takes no orders")
    except ApiException as error:
        holds(f"group: refused with {error.status}", 400 <= error.status < 500)
    call(client.reset_order_group, group)
    ack = call(client.create_order_v2, **order_fields(market, "bid", "0.0100", "1.00", order_group_id=group))
    call(client.delete_order_group, group)
    equal("group: deleting cancels", read_order(client, ack.order_id).status.value, "canceled")
    refused("group: gone", 404, None, client.get_order_group, group)
    step("order group", "limit, trigger, reset, delete")


def account(client):
    limits = call(client.get_account_api_limits)
    holds("limits: both buckets refill", min(limits.read.refill_rate, limits.write.refill_rate) > 0)
    costs = call(client.get_account_endpoint_costs)
    equal("default cost", costs.default_cost, 10)
    balance = call(client.get_balance)
    equal("balance in cents is truncated", balance.balance, int(Decimal(balance.balance_dollars) * 100))
    shards = sum(Decimal(part.balance) for part in balance.balance_breakdown or [])
    equal("balance is the sum of the shards", shards, Decimal(balance.balance_dollars))
    settlements, _ = pages_of(client.get_settlements, "settlements", limit=5)
    positions, _ = pages_of(client.get_positions, "market_positions", limit=5)
    call(client.get_user_data_timestamp)
    call(client.get_subaccount_netting)
    step("account", f"tier {limits.usage_tier}, {len(settlements)} settlements, {len(positions)} positions")


def cancel_all(client, market):
    ids = [
        call(client.create_order_v2, **order_fields(market, "bid", "0.0100", "1.00")).order_id
        for _ in range(3)
    ]
    call(client.cancel_all_orders)
    equal("cancel all", [read_order(client, order_id).status.value for order_id in ids], ["canceled"] * 3)
    resting, _ = pages_of(client.get_orders, "orders", status="resting", limit=100)
    equal("nothing rests", [order.order_id for order in resting], [])
    step("cancel all", "3 orders gone")


def main():
    ready = json.loads(Path(sys.argv[1]).read_text())
    pem = Path(ready["private_key_path"]).read_text()
    client = client_of(ready["base_url"], ready["key_id"], pem)
    step("authenticated", f"balance {balance_of(client)}")
    every_kind_of_key_signs(ready, pem)
    keys_are_told_apart(ready, pem)
    market, series = market_data(client)
    account(client)
    resting_order(client, market)
    refusals(client, market)
    taker_order(client, market, series)
    batches(client, market)
    groups(client, market)
    account(client)
    cancel_all(client, market)
    step("all agree")


if __name__ == "__main__":
    try:
        main()
    except (Difference, ApiException) as error:
        print(f"python sdk: DIFFERENT: {error}", file=sys.stderr)
        sys.exit(1)
