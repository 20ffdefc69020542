/** The app as a real process, where Hono makes a difference. The rest is tested in express-sqlite: the same code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { deliver, describe as inWords, laterCopy, paidOrder, post } from "example-express-sqlite/sender";
import { root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { afterEach, beforeEach, expect, it } from "vitest";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));
let temp: string;
let env: NodeJS.ProcessEnv;
let receiver: ReceiverProcess;

beforeEach(async () => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
  env = {
    HOOKLATCH_DB: join(temp, "hooklatch.db"),
    STRIPE_WEBHOOK_SECRET: SECRET,
    LEASE_MS: "1000",
    RETRY_DELAY_MS: "10",
    POLL_MS: "50",
    // Its paths lead to the sources.
    TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
  };
  receiver = await startReceiver(env, folder);
});

afterEach(async () => {
  // Undefined: it did not start, and that is the error to show.
  await receiver?.kill();
  rmSync(temp, { recursive: true, force: true });
});

function effects(): unknown {
  const db = new Database(join(temp, "shop.db"), { readonly: true });
  try {
    return db.prepare("SELECT count(*) FROM effects").pluck().get();
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
  expect(effects()).toBe(1);

  expect(inWords(await deliver(receiver.url, paidOrder("mug"), "whsec_other"))).toBe(
    "401 verification_failed",
  );
  const generic = `${receiver.url}/webhooks/generic`;
  const key = { "idempotency-key": "k-1" };
  const answers = [];
  for (const id of ["order-1", "order-1", "order-2"])
    answers.push(inWords(await post(generic, JSON.stringify({ id, sku: "mug" }), key)));
  expect(answers).toEqual(["200 ok", "200 duplicate (replayed)", "422 key_reused"]);
  expect(effects()).toBe(2);
});

it("drains on SIGTERM: of two copies at once one runs, it is finished, and the process exits with 0", async () => {
  const slow = paidOrder("mug", "slow");
  const copies = [0, 1].map(() => deliver(receiver.url, slow, SECRET));
  await receiver.printed(`${slow.id}, attempt 1`);
  // The other copy is answered at once.
  await Promise.race(copies);

  expect(await receiver.stop()).toBe(0);
  expect((await Promise.all(copies)).map(inWords)).toEqual(["202 processing", "202 processing"]);
  expect(receiver.output()).toContain(`completed ${slow.id}, attempt 1`);
  expect(receiver.output()).toMatch(/\nstopped\n$/);
  expect(effects()).toBe(1);
});

it("takes up at boot what a crash left behind: nobody has to deliver anything", async () => {
  const event = paidOrder("mug", "hang-before");
  const answer = deliver(receiver.url, event, SECRET);
  await receiver.printed(`hanging: ${event.id}`);
  await receiver.kill();
  await answer;

  receiver = await startReceiver(env, folder);
  await receiver.printed(`completed ${event.id}, attempt 2`);
  expect(effects()).toBe(1);
});
