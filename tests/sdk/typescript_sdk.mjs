// Drives the stand-in exchange with the exchange's official TypeScript SDK and checks what comes back.
//
// Usage: node typescript_sdk.mjs READY_LINE_FILE SDK_DIRECTORY, where the file holds the JSON line that `autotrader simulate`
// prints when it is ready, and the directory holds node_modules. One line a step; exit code 1 at the first difference.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { generateKeyPairSync, createPrivateKey, randomUUID } from "node:crypto";
import { resolve } from "node:path";

const [readyFile, sdkDirectory] = process.argv.slice(2);
const require = createRequire(resolve(sdkDirectory, "index.js"));
const sdk = require("kalshi-typescript");
const axios = require("axios");

const ready = JSON.parse(readFileSync(readyFile, "utf8"));
const pem = readFileSync(ready.private_key_path, "utf8");

class Difference extends Error {}

function equal(what, found, expected) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Difference(`${what}: expected ${right}, found ${left}`);
}

function holds(what, condition) {
  if (!condition) throw new Difference(what);
}

function step(name, detail = "") {
  console.log(`typescript sdk: ${name}${detail ? `: ${detail}` : ""}`);
}

/** Decimal text as a whole number of millionths. */
function micros(text) {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) throw new Difference(`${JSON.stringify(text)} is no decimal text of at most six places`);
  const value = BigInt(match[2] + (match[3] ?? "").padEnd(6, "0"));
  return match[1] ? -value : value;
}

/** The taker's fee of whole contracts at a YES price in millionths, rounded up to $0.0001; in millionths. */
function feeOf(price, count, multiplier) {
  // 0.07 x count x P x (1-P): hundredths of 1e-12 dollars.
  const exact = 7n * multiplier * count * price * (1_000_000n - price);
  const unit = 100n * 100n * 1_000_000n;
  return ((exact + unit - 1n) / unit) * 100n;
}

/**
 * The SDK's clients for one key. Each gets an HTTP client of its own: left to itself the SDK hangs every key onto one shared
 * client, where the first key made signs for all that come after.
 */
function clients(keyId, privateKeyPem) {
  const configuration = new sdk.Configuration({ apiKey: keyId, privateKeyPem, basePath: ready.base_url });
  const make = (Api) => new Api(configuration, undefined, axios.create());
  return {
    exchange: make(sdk.ExchangeApi),
    markets: make(sdk.MarketApi),
    events: make(sdk.EventsApi),
    orders: make(sdk.OrdersApi),
    groups: make(sdk.OrderGroupsApi),
    portfolio: make(sdk.PortfolioApi),
    account: make(sdk.AccountApi),
  };
}

/** Calls and, like any client, waits while the exchange says 429. */
async function call(what) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return (await what()).data;
    } catch (error) {
      if (error.response?.status !== 429) throw error;
      await new Promise((done) => setTimeout(done, 250));
    }
  }
  throw new Difference("the exchange answered 429 for five seconds");
}

async function refused(name, status, code, what) {
  let answer;
  try {
    answer = await call(what);
  } catch (error) {
    if (!error.response) throw error;
    equal(`${name}: status`, error.response.status, status);
    if (code) equal(`${name}: code`, error.response.data.error.code, code);
    return error.response.data.error;
  }
  throw new Difference(`${name}: expected ${status}, found ${JSON.stringify(answer)}`);
}

async function pages(field, ask) {
  const rows = [];
  let cursor;
  let count = 0;
  do {
    const page = await call(() => ask(cursor));
    rows.push(...page[field]);
    cursor = page.cursor;
    count += 1;
    holds(`${field}: a listing ends`, count < 500);
  } while (cursor);
  return [rows, count];
}

function touch(book) {
  const bid = micros(book.yes_dollars.at(-1)[0]);
  const ask = 1_000_000n - micros(book.no_dollars.at(-1)[0]);
  return [bid, ask];
}

function dollars(value) {
  const text = value.toString().padStart(7, "0");
  return `${text.slice(0, -6)}.${text.slice(-6, -2)}`;
}

function order(ticker, side, price, count, more = {}) {
  return {
    ticker,
    side,
    price,
    count,
    time_in_force: "good_till_canceled",
    self_trade_prevention_type: "taker_at_cross",
    client_order_id: randomUUID(),
    ...more,
  };
}

async function authentication(api) {
  const balance = await call(() => api.portfolio.getBalance());
  step("authenticated", `balance ${balance.balance_dollars}`);
  const pkcs1 = createPrivateKey(pem).export({ type: "pkcs1", format: "pem" });
  await call(() => clients(ready.key_id, pkcs1).account.getAccountApiLimits());
  step("PKCS#1 and PKCS#8 keys sign");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const other = clients(ready.key_id, privateKey.export({ type: "pkcs8", format: "pem" }));
  const error = await refused("another key", 401, "authentication_error", () => other.portfolio.getBalance());
  equal("another key: details", error.details, "INCORRECT_API_KEY_SIGNATURE");
  step("a wrong key is refused", "401");
}

async function marketData(api) {
  const status = await call(() => api.exchange.getExchangeStatus());
  equal("trading active", status.trading_active, true);
  const [markets, count] = await pages("markets", (cursor) => api.markets.getMarkets(7, cursor));
  holds("markets come in several pages", count >= 2);
  equal("no market twice", new Set(markets.map((market) => market.ticker)).size, markets.length);
  step("markets, paged", `${markets.length} markets in ${count} pages`);
  const fit = markets.filter(
    (market) =>
      market.status === "active" &&
      micros(market.yes_bid_dollars) >= 80_000n &&
      micros(market.yes_ask_dollars) <= 900_000n,
  );
  holds("some market is quoted on both sides", fit.length > 0);
  const chosen = fit.reduce((best, market) => (market.close_time > best.close_time ? market : best));
  const { event } = await call(() => api.events.getEvent(chosen.event_ticker));
  const { series } = await call(() => api.markets.getSeries(event.series_ticker));
  equal("market", (await call(() => api.markets.getMarket(chosen.ticker))).market.ticker, chosen.ticker);
  const book = (await call(() => api.markets.getMarketOrderbook(chosen.ticker))).orderbook_fp;
  for (const levels of [book.yes_dollars, book.no_dollars]) {
    const prices = levels.map(([price]) => micros(price));
    holds("levels ascend", prices.every((price, index) => index === 0 || prices[index - 1] < price));
  }
  const batch = await call(() => api.markets.getMarketOrderbooks([chosen.ticker]));
  equal("batched book", batch.orderbooks.map((entry) => entry.ticker), [chosen.ticker]);
  const { trades } = await call(() => api.markets.getTrades(20));
  const now = Math.floor(Date.now() / 1000);
  const candles = await call(() =>
    api.markets.getMarketCandlesticks(series.ticker, chosen.ticker, now - 3600, now, 60),
  );
  equal("candlesticks", candles.ticker, chosen.ticker);
  step("market, event, series, books, trades, candlesticks", `${chosen.ticker}, ${trades.length} trades`);
  return [chosen.ticker, series];
}

async function restingOrder(api, ticker) {
  const fields = order(ticker, "bid", "0.0100", "3.00");
  const ack = await call(() => api.orders.createOrderV2(fields));
  equal("resting: counts", [ack.fill_count, ack.remaining_count], ["0.00", "3.00"]);
  const read = async () => (await call(() => api.orders.getOrder(ack.order_id))).order;
  const resting = await read();
  equal("resting", [resting.status, resting.yes_price_dollars, resting.book_side], ["resting", "0.0100", "bid"]);
  const [listed] = await pages("orders", (cursor) =>
    api.orders.getOrders(ticker, undefined, undefined, undefined, "resting", 1, cursor),
  );
  holds("resting: listed", listed.some((row) => row.order_id === ack.order_id));
  const queue = await call(() => api.orders.getOrderQueuePosition(ack.order_id));
  holds("queue position", micros(queue.queue_position_fp) >= 0n);
  await refused("same client id", 409, "order_already_exists", () => api.orders.createOrderV2(fields));
  const amended = await call(() =>
    api.orders.amendOrderV2(ack.order_id, { ticker, side: "bid", price: "0.0200", count: "5.00" }),
  );
  equal("amended", amended.remaining_count, "5.00");
  const decreased = await call(() => api.orders.decreaseOrderV2(ack.order_id, { reduce_by: "1.25" }));
  equal("decreased", decreased.remaining_count, "3.75");
  const after = await read();
  equal("after both", [after.yes_price_dollars, after.remaining_count_fp], ["0.0200", "3.75"]);
  const canceled = await call(() => api.orders.cancelOrderV2(ack.order_id, undefined, undefined, ticker));
  equal("cancelled", canceled.reduced_by, "3.75");
  equal("cancelled: status", (await read()).status, "canceled");
  await refused("cancel again", 404, "not_found", () => api.orders.cancelOrderV2(ack.order_id));
  step("create, read, amend, decrease, cancel");
  const crossing = order(ticker, "bid", "0.9900", "1.00", { post_only: true });
  const error = await refused("post-only that crosses", 400, "invalid_order", () =>
    api.orders.createOrderV2(crossing),
  );
  equal("post-only: details", error.details, "post only cross");
  step("post-only that crosses is refused");
}

async function takerOrder(api, ticker, series) {
  const balance = async () => micros((await call(() => api.portfolio.getBalance())).balance_dollars);
  const position = async () => {
    const page = await call(() => api.portfolio.getPositions(undefined, 10, undefined, ticker));
    return page.market_positions.length ? micros(page.market_positions[0].position_fp) : 0n;
  };
  const [before, held] = [await balance(), await position()];
  const book = (await call(() => api.markets.getMarketOrderbook(ticker))).orderbook_fp;
  const limit = touch(book)[1] + 50_000n;
  const ack = await call(() =>
    api.orders.createOrderV2(
      order(ticker, "bid", dollars(limit), "3.00", { time_in_force: "immediate_or_cancel" }),
    ),
  );
  equal("taken", [ack.fill_count, ack.remaining_count], ["3.00", "0.00"]);
  const { fills } = await call(() => api.portfolio.getFills(undefined, ack.order_id));
  let [size, flow] = [0n, 0n];
  for (const fill of fills) {
    const [price, count] = [micros(fill.yes_price_dollars), micros(fill.count_fp)];
    holds("no worse than the limit", price <= limit);
    equal("whole contracts", count % 1_000_000n === 0n, true);
    const fee = feeOf(price, count / 1_000_000n, BigInt(series.fee_multiplier));
    equal(`fee of ${fill.count_fp} at ${fill.yes_price_dollars}`, micros(fill.fee_cost).toString(), fee.toString());
    size += count;
    flow -= (price * count) / 1_000_000n + fee;
  }
  equal("fills add up", size.toString(), "3000000");
  equal("position", (await position()).toString(), (held + 3_000_000n).toString());
  equal("balance", (await balance()).toString(), (before + flow).toString());
  step("immediate-or-cancel", `3 taken, balance changes by ${flow} millionths, as fills and fees say`);
}

async function batchesAndGroups(api, ticker) {
  const made = await call(() =>
    api.orders.batchCreateOrdersV2({
      orders: [order(ticker, "bid", "0.0100", "1.00"), order(ticker, "bid", "0.0105", "1.00")],
    }),
  );
  equal("batch", made.orders.map((item) => item.error?.code ?? null), [null, "invalid_price"]);
  const gone = await call(() =>
    api.orders.batchCancelOrdersV2({ orders: [{ order_id: made.orders[0].order_id, market_ticker: ticker }] }),
  );
  equal("batch cancel", gone.orders.map((item) => item.reduced_by), ["1.00"]);
  const { order_group_id: group } = await call(() => api.groups.createOrderGroup({ contracts_limit_fp: "10.00" }));
  const ack = await call(() =>
    api.orders.createOrderV2(order(ticker, "bid", "0.0100", "1.00", { order_group_id: group })),
  );
  equal("group", (await call(() => api.groups.getOrderGroup(group))).orders, [ack.order_id]);
  await call(() => api.groups.triggerOrderGroup(group));
  equal("triggered", (await call(() => api.orders.getOrder(ack.order_id))).order.status, "canceled");
  await call(() => api.groups.resetOrderGroup(group));
  await call(() => api.groups.deleteOrderGroup(group));
  await refused("group: gone", 404, undefined, () => api.groups.getOrderGroup(group));
  step("batches and order groups");
}

async function account(api) {
  const limits = await call(() => api.account.getAccountApiLimits());
  const [settlements] = await pages("settlements", (cursor) => api.portfolio.getSettlements(5, cursor));
  const [positions] = await pages("market_positions", (cursor) => api.portfolio.getPositions(cursor, 5));
  step("account", `tier ${limits.usage_tier}, ${settlements.length} settlements, ${positions.length} positions`);
}

async function main() {
  const api = clients(ready.key_id, pem);
  await authentication(api);
  const [ticker, series] = await marketData(api);
  await restingOrder(api, ticker);
  await takerOrder(api, ticker, series);
  await batchesAndGroups(api, ticker);
  await account(api);
  step("all agree");
}

main().catch((error) => {
  const answer = error.response ? ` (${error.response.status} ${JSON.stringify(error.response.data)})` : "";
  console.error(`typescript sdk: DIFFERENT: ${error.message}${answer}`);
  process.exit(1);
});
