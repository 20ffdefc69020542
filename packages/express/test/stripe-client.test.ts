/**
 * The official Stripe client, pointed at an API of ours over a network that loses replies: it retries with the `Idempotency-Key` it has
 * made, and each charge is made once.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idempotency } from "@hooklatch/express";
import { sqliteStore } from "@hooklatch/sqlite";
import express from "express";
import Stripe from "stripe";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LossyProxy, startLossyProxy } from "./support/lossy-proxy.js";

const CHARGES = 300;
const AT_ONCE = 12;
const temp = mkdtempSync(join(tmpdir(), "hooklatch-stripe-"));
const accounts = new Map([["Bearer sk_test_ours", "acct_ours"]]);

/** What really happened: the id of each charge that was made, by its order. */
const made: { order: string; id: string }[] = [];
const store = sqliteStore(join(temp, "api.db"));
const guard = idempotency<express.Request>({
  store,
  scope: "charges",
  required: true,
  tenant: (request) => accounts.get(request.headers.authorization ?? "") ?? "",
});
const app = express();
app.post("/v1/charges", guard, express.urlencoded(), async (request, response) => {
  const { amount, currency, description: order = "" } = request.body as Record<string, string>;
  const id = `ch_${crypto.randomUUID()}`;
  made.push({ order, id });
  // Some take longer than the client waits before its first retry, which then finds the charge under way.
  const takesMs = Number(order.replace("order-", "")) % 6 === 5 ? 1_000 : 5;
  await new Promise((resolve) => setTimeout(resolve, takesMs));
  response.json({ id, object: "charge", amount: Number(amount), currency, description: order });
});

const server = createServer(app);
let proxy: LossyProxy;

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  proxy = await startLossyProxy(port, { seed: 20_261_125, share: 1 / 3 });
});

afterAll(async () => {
  await proxy?.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await guard.close();
  await store.close?.();
  rmSync(temp, { recursive: true, force: true });
});

it("makes 300 charges, each once, though a third of the replies are lost", async () => {
  const stripe = new Stripe("sk_test_ours", {
    host: "127.0.0.1",
    port: proxy.port,
    protocol: "http",
    maxNetworkRetries: 10,
    telemetry: false,
  });
  const charged = new Map<string, string>();
  const orders = Array.from({ length: CHARGES }, (_, n) => `order-${n}`).values();
  async function buyer(): Promise<void> {
    for (const description of orders) {
      const charge = await stripe.charges.create({
        amount: 1_900,
        currency: "eur",
        source: "tok_visa",
        description,
        metadata: { of: description },
      });
      charged.set(description, charge.id);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, buyer));

  const { faults, answers } = proxy;
  console.log({ charges: charged.size, made: made.length, faults, answers });
  expect(made).toHaveLength(CHARGES);
  // Each order was told the charge that was made for it, whichever of its requests had that answer.
  expect(charged).toEqual(new Map(made.map(({ order, id }) => [order, id])));
  for (const lost of Object.values(faults)) expect(lost).toBeGreaterThan(20);
  expect(answers.replayed).toBeGreaterThan(50);
  expect(answers["409"]).toBeGreaterThan(0);
}, 60_000);

it("is told by name why it is refused: nobody's key, and another charge under a key that is used", async () => {
  const { port } = server.address() as AddressInfo;
  const client = (key: string) =>
    new Stripe(key, { host: "127.0.0.1", port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
  const charge = { amount: 100, currency: "eur", source: "tok_visa" };
  const idempotencyKey = "chosen-1";
  const before = made.length;

  // Resolved, not rejected: whatever the status, this client takes for an error only what has an `error` in its body, as Stripe's have.
  const stranger = await client("sk_test_theirs").charges.create(charge);
  expect(stranger).toMatchObject({ status: 400, code: "invalid_tenant" });
  await client("sk_test_ours").charges.create(charge, { idempotencyKey });
  const other = await client("sk_test_ours").charges.create({ ...charge, amount: 200 }, { idempotencyKey });
  expect(other).toMatchObject({ status: 422, code: "key_reused" });
  expect(made).toHaveLength(before + 1);
});
