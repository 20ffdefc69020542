/** The app as a real process, on the sources of the packages (the demo's test has the built ones). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ReceiverProcess, startReceiver } from "../src/demo/receiver.js";
import { deliver, describe as inWords, laterCopy, paidOrder, post } from "../src/sender.js";
import { root, runNode } from "./processes.js";

const SECRET = "whsec_test";
let temp: string;
let env: NodeJS.ProcessEnv;
let receiver: ReceiverProcess;

beforeEach(async () => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
  env = {
    HOOKLATCH_DB: join(temp, "hooklatch.db"),
    STRIPE_WEBHOOK_SECRET: SECRET,
    RETRY_DELAY_MS: "10",
    POLL_MS: "50",
    // Its paths lead to the sources.
    TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
  };
  receiver = await startReceiver(env);
});

afterEach(async () => {
  // Undefined: it did not start, and that is the error to show.
  await receiver?.kill();
  rmSync(temp, { recursive: true, force: true });
});

function count(table: "effects" | "orders"): unknown {
  const db = new Database(join(temp, "shop.db"), { readonly: true });
  try {
    return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  } finally {
    db.close();
  }
}

it("handles a signed event once, and answers its duplicate with the stored response", async () => {
  const event = paidOrder("mug");
  const first = await deliver(receiver.url, event, SECRET);
  const second = await deliver(receiver.url, laterCopy(event), SECRET);

  expect([inWords(first), inWords(second)]).toEqual(["200 paid", "200 paid (replayed)"]);
  expect(second.body).toEqual(first.body);
  expect([count("effects"), count("orders")]).toEqual([1, 1]);
});

it("takes any sender's event, keyed by its header or by its content", async () => {
  const url = `${receiver.url}/webhooks/generic`;
  const body = '{"id":"order-1","sku":"mug"}';
  const key = { "idempotency-key": "k-1" };
  const answers = [];
  for (const headers of [{}, {}, key, key]) answers.push(inWords(await post(url, body, headers)));
  answers.push(inWords(await post(url, '{"id":"order-2","sku":"mug"}', key)));

  expect(answers).toEqual([
    "200 ok",
    "200 duplicate (replayed)",
    "200 ok",
    "200 duplicate (replayed)",
    "422 key_reused",
  ]);
  expect([count("effects"), count("orders")]).toEqual([2, 1]);
});

it("gives up at once on what is no order, and refuses a wrong signature", async () => {
  expect(inWords(await post(`${receiver.url}/webhooks/generic`, "hello", {}))).toBe("200 dead_lettered");
  expect(inWords(await deliver(receiver.url, paidOrder("mug"), "whsec_other"))).toBe(
    "401 verification_failed",
  );
  expect(count("effects")).toBe(0);
});

it("drains on SIGTERM: what is running is finished, and the process exits with 0", async () => {
  const slow = paidOrder("mug", "slow");
  const answer = deliver(receiver.url, slow, SECRET);
  await receiver.printed(`${slow.id}, attempt 1`);

  expect(await receiver.stop()).toBe(0);
  expect(inWords(await answer)).toBe("202 processing");
  expect(receiver.output()).toContain(`completed ${slow.id}, attempt 1`);
  expect(count("effects")).toBe(1);
});

it("has its dead letters listed and replayed by another process", async () => {
  const letters = (...args: string[]) => runNode(["--import", "tsx", "src/letters.ts", ...args], env);
  expect((await letters()).output).toBe("There are no dead letters.\n");

  const poison = paidOrder("unicorn");
  expect(inWords(await deliver(receiver.url, poison, SECRET))).toBe("200 dead_lettered");
  const { output } = await letters("list");
  expect(output).toContain(poison.payload);
  expect(output.match(/There is no product "unicorn"\./g)).toHaveLength(4);

  expect((await runNode(["--import", "tsx", "src/add-product.ts", "unicorn"], env)).code).toBe(0);
  const id = output.split("\n")[0] as string;
  expect(await letters("replay", id)).toEqual({ code: 0, output: "scheduled\n" });
  await receiver.printed(`completed ${poison.id}`);
  expect(count("effects")).toBe(1);
});

it("says which port is taken", async () => {
  const port = new URL(receiver.url).port;
  const other = await runNode(["--import", "tsx", "src/server.ts"], { ...env, PORT: port });
  expect(other.code).toBe(1);
  expect(other.output).toBe(
    `Port ${port} is taken. Choose another one with PORT=…, or any free one with PORT=0.\n`,
  );
});

it("prints lines to paste", async () => {
  const { output } = await runNode(
    ["--import", "tsx", "src/server.ts", "--hints"],
    { ...env, PORT: "0" },
    (so, kill) => {
      if (so.includes("whsec_wrong")) kill("SIGTERM");
    },
  );
  expect(output).toMatch(/^curl -iw '.*' http:.*"sku":"mug"}'$/m);
  expect(output).toContain("stopped");
});
