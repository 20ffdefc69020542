/** The route modules, served by a real process, over real HTTP. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { deliver, describe as inWords, laterCopy, paidOrder } from "example-express-sqlite/sender";
import { root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { afterAll, beforeAll, expect, it } from "vitest";

const SECRET = "whsec_test";
let temp: string;
let server: ReceiverProcess;

beforeAll(async () => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
  const env = {
    HOOKLATCH_DB: join(temp, "hooklatch.db"),
    ORDERS_DB: join(temp, "orders.db"),
    SHOP_DB: join(temp, "shop.db"),
    STRIPE_WEBHOOK_SECRET: SECRET,
    // Its paths lead to the sources.
    TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
  };
  server = await startReceiver(env, fileURLToPath(new URL("..", import.meta.url)), "server.ts");
});

afterAll(async () => {
  // Undefined: it did not start, and that is the error to show.
  await server?.kill();
  rmSync(temp, { recursive: true, force: true });
});

function count(file: "orders.db" | "shop.db", table: "orders" | "effects"): number {
  const db = new Database(join(temp, file), { readonly: true });
  try {
    return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  } finally {
    db.close();
  }
}

interface Sent {
  method?: string;
  apiKey?: string;
  key?: string;
  body?: object;
}

interface Answer {
  status: number;
  replayed: boolean;
  location: string | null;
  text: string;
}

async function send(
  path: string,
  { method = "POST", apiKey = "key_alice", key, body }: Sent,
): Promise<Answer> {
  const headers = { "x-api-key": apiKey, ...(key === undefined ? {} : { "idempotency-key": key }) };
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`${server.url}${path}`, sent);
  return {
    status: response.status,
    replayed: response.headers.get("idempotent-replayed") === "true",
    location: response.headers.get("location"),
    text: await response.text(),
  };
}

it("makes an order once for each key of each customer, and answers a retry with the same bytes", async () => {
  const mug = { key: "made-1", body: { sku: "mug" } };
  const before = count("orders.db", "orders");
  const first = await send("/api/orders", mug);
  expect(first).toMatchObject({ status: 201, replayed: false });
  expect(await send("/api/orders", mug)).toEqual({ ...first, replayed: true });
  const ofBob = await send("/api/orders", { ...mug, apiKey: "key_bob" });
  expect(ofBob).toMatchObject({ status: 201, replayed: false });
  expect(ofBob.location).not.toBe(first.location);
  expect(count("orders.db", "orders")).toBe(before + 2);

  const codes = [];
  for (const sent of [
    { ...mug, body: { sku: "shirt" } },
    { body: mug.body },
    { ...mug, apiKey: "key_of_nobody" },
  ]) {
    const { status, text } = await send("/api/orders", sent);
    codes.push(`${status} ${(JSON.parse(text) as { code: string }).code}`);
  }
  expect(codes).toEqual(["422 key_reused", "400 key_missing", "400 invalid_tenant"]);
  expect(count("orders.db", "orders")).toBe(before + 2);
});

it("of ten copies at once one runs", async () => {
  const before = count("orders.db", "orders");
  const copies = Array.from({ length: 10 }, () =>
    send("/api/orders", { key: "copies-1", body: { sku: "mug" } }),
  );
  const answers = await Promise.all(copies);
  expect(answers.filter(({ status, replayed }) => status === 201 && !replayed)).toHaveLength(1);
  expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
  expect(count("orders.db", "orders")).toBe(before + 1);
});

it("hands the handler what is in the path, and leaves alone what needs no guard", async () => {
  const { location } = await send("/api/orders", { key: "path-1", body: { sku: "mug" } });
  const path = location ?? "";
  const add = { method: "PATCH", key: "path-2", body: { add: 2 } };
  for (const replayed of [false, true])
    expect(await send(path, add)).toMatchObject({ status: 200, replayed });
  const { text } = await send(path, { method: "GET" });
  expect(JSON.parse(text)).toMatchObject({ sku: "mug", quantity: 3 });
  expect((await send("/api/orders", { method: "GET" })).status).toBe(405);
  expect((await send("/api/nothing", {})).status).toBe(404);
});

it("handles a signed event once, and answers its duplicate with the stored response", async () => {
  const api = `${server.url}/api`;
  const before = count("shop.db", "effects");
  const event = paidOrder("mug");
  const first = await deliver(api, event, SECRET);
  const second = await deliver(api, laterCopy(event), SECRET);
  expect([inWords(first), inWords(second)]).toEqual(["200 paid", "200 paid (replayed)"]);
  expect(inWords(await deliver(api, paidOrder("mug"), "whsec_other"))).toBe("401 verification_failed");
  expect(count("shop.db", "effects")).toBe(before + 1);
});

it("drains on SIGTERM: what is running is finished and answered, and the process exits with 0", async () => {
  const before = count("shop.db", "effects");
  const event = paidOrder("mug", "slow");
  const answer = deliver(`${server.url}/api`, event, SECRET);
  await server.printed(`run       ${event.id}, attempt 1`);
  expect(await server.stop()).toBe(0);
  expect(inWords(await answer)).toBe("200 paid");
  expect(count("shop.db", "effects")).toBe(before + 1);
});
