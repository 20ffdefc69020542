/**
 * The proof: a receiver in a process of its own, a sender that signs and delivers over HTTP, and a look into the databases.
 * Exits with 1 when anything differs from what is promised.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readStoredEvent, replay } from "@hooklatch/core";
import { type Evidence, openEvidence, type Subject } from "./demo/evidence.js";
import { type ReceiverProcess, startReceiver } from "./demo/receiver.js";
import { type Check, mark, type Promised, type Row, rowOf, table } from "./demo/report.js";
import { until } from "./demo/until.js";
import { SLOW_MS } from "./scenarios.js";
import { type Answer, deliver, laterCopy, paidOrder, post, type SentEvent } from "./sender.js";
import { addProduct } from "./shop.js";

const LIMIT_MS = 55_000;
const SECRET = "whsec_demo";
/** The app's response window, and what a busy machine may add to it. */
const WINDOW_MS = 2_000;
const SLACK_MS = 1_000;

const started = performance.now();
// What it leaves is for the dashboard: the last demo's data, and no other.
const folder = process.env.DEMO_FOLDER ?? fileURLToPath(new URL("../data/demo", import.meta.url));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const database = join(folder, "hooklatch.db");
const shopDatabase = join(folder, "shop.db");
const settings = {
  HOOKLATCH_DB: database,
  SHOP_DB: shopDatabase,
  STRIPE_WEBHOOK_SECRET: SECRET,
  // Everything that takes its time, but not in a demo. A crash is noticed when the lease is over.
  LEASE_MS: "3000",
  RETRY_DELAY_MS: "60",
  POLL_MS: "100",
};

let keepsData = false;
process.on("exit", () => {
  if (!keepsData) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
setTimeout(() => {
  finish([{ text: `done within ${LIMIT_MS / 1000} s`, ok: false }]);
  process.exit(1);
}, LIMIT_MS).unref();

const rows: Row[] = [];
let receiver: ReceiverProcess;
let evidence: Evidence;

interface Came {
  subjects: readonly Subject[];
  answers: readonly Answer[];
  checks?: Check[];
}

/** Does one thing, waits until its events have ended, and compares. A step that fails does not keep the others from being tried. */
async function step(sent: string, promised: Promised, act: () => Promise<Came>): Promise<void> {
  const from = performance.now();
  process.stdout.write(`${String(rows.length + 1).padStart(2)}. ${sent} … `);
  let row: Row;
  try {
    const came = await act();
    row = rowOf(sent, promised, { ...came, facts: await evidence.settled(came.subjects) });
  } catch (error) {
    row = { sent, promised, subjects: [], checks: [{ text: String(error), ok: false }], ok: false };
  }
  rows.push(row);
  console.log(`${mark(row.ok)} ${((performance.now() - from) / 1000).toFixed(1)} s`);
}

const send = (event: SentEvent, secret = SECRET): Promise<Answer> => deliver(receiver.url, event, secret);
const subject = ({ id, orderId }: SentEvent): Subject => ({ scope: "stripe", key: id, orderId });
const once = { runs: 1, effects: 1, orders: 1, ended: "completed" };
const nothing = { runs: 0, effects: 0, orders: 0, ended: "nothing stored" };

async function main(): Promise<void> {
  receiver = await startReceiver(settings);
  evidence = openEvidence(database, shopDatabase);
  console.log(
    `The receiver is process ${receiver.pid} on ${receiver.url}, its databases are in ${folder}.\n`,
  );

  const orders = [paidOrder("mug"), paidOrder("shirt"), paidOrder("mug")];
  const [first] = orders as [SentEvent];
  const three = { runs: 3, effects: 3, orders: 3, ended: "completed" };
  await step("three events", { answered: "3 × 200 paid", ...three }, async () => ({
    subjects: orders.map(subject),
    answers: await Promise.all(orders.map((event) => send(event))),
  }));

  await step("one of them again", { answered: "200 paid (replayed)", ...once }, async () => ({
    subjects: [subject(first)],
    // Stripe changes bytes between deliveries of one event: it is the id that counts.
    answers: [await send(laterCopy(first))],
  }));

  const popular = paidOrder("shirt");
  const handled = (answer: Answer) => answer.status === 200 && answer.body.status === "paid";
  const accepts = (answers: readonly Answer[]): boolean =>
    answers.filter((answer) => handled(answer) && !answer.replayed).length <= 1 &&
    answers.every((answer) => handled(answer) || answer.status === 202);
  await step(
    "20 copies of an event at once",
    { answered: "200 or 202 each", accepts, ...once },
    async () => ({
      subjects: [subject(popular)],
      answers: await Promise.all(Array.from({ length: 20 }, () => send(popular))),
    }),
  );

  await step("a wrong signature", { answered: "401 verification_failed", ...nothing }, async () => {
    const forged = paidOrder("mug");
    return { subjects: [subject(forged)], answers: [await send(forged, "whsec_wrong")] };
  });

  await step("a key, again with another body", { answered: "422 key_reused", ...once }, async () => {
    const url = `${receiver.url}/webhooks/generic`;
    const key = { "idempotency-key": "key-1" };
    const fresh = await post(url, '{"id":"order-1","sku":"mug"}', key);
    const reused = await post(url, '{"id":"order-1","sku":"shirt"}', key);
    const checks = [
      { text: "the first of them: 200 ok", ok: fresh.status === 200 && fresh.body.status === "ok" },
    ];
    return { subjects: [{ scope: "generic", key: "key-1", orderId: "order-1" }], answers: [reused], checks };
  });

  await step("fails twice, then works", { answered: "200 paid", ...once, runs: 3 }, async () => {
    const flaky = paidOrder("mug", "fail-twice");
    return { subjects: [subject(flaky)], answers: [await send(flaky)] };
  });

  const poison = paidOrder("unicorn");
  const buried = { runs: 4, effects: 0, orders: 0, ended: "dead letter" };
  await step("poison: no such product", { answered: "200 dead_lettered", ...buried }, async () => {
    const answers = [await send(poison)];
    return { subjects: [subject(poison)], answers, checks: await letterChecks(poison) };
  });

  const slow = paidOrder("mug", "slow");
  await step("slower than the response window", { answered: "202 processing", ...once }, async () => {
    const answer = await send(slow);
    const unfinished = evidence.effectsOf(subject(slow)) === 0;
    const text = `answered after ${answer.ms} ms, in a window of ${WINDOW_MS}, by a handler that takes ${SLOW_MS}`;
    return {
      subjects: [subject(slow)],
      answers: [answer],
      checks: [{ text, ok: unfinished && answer.ms <= WINDOW_MS + SLACK_MS }],
    };
  });

  await step("the slow one again", { answered: "200 paid (replayed)", ...once }, async () => ({
    subjects: [subject(slow)],
    answers: [await send(slow)],
  }));

  await killed();

  await step("the letter replayed, its cause fixed", { answered: "not sent again", ...once }, async () => {
    addProduct(shopDatabase, "unicorn");
    const { store, deadLetters } = evidence;
    const { letters } = await deadLetters.list({ scope: "stripe", key: poison.id });
    const { status } = await replay({ store, deadLetters, id: letters[0]?.id ?? "" });
    await evidence.settled([subject(poison)]);
    const left = await deadLetters.count({ key: poison.id });
    const checks = [
      { text: `replay(), in another process: ${status}`, ok: status === "scheduled" },
      { text: `letters of this event left in the queue: ${left}`, ok: left === 0 },
    ];
    return { subjects: [subject(poison)], answers: [], checks };
  });

  finish(await finalChecks());
}

async function letterChecks(sent: SentEvent): Promise<Check[]> {
  const query = { scope: "stripe", key: sent.id };
  const letter = await until(
    "there is a letter",
    async () => (await evidence.deadLetters.list(query)).letters[0],
  );
  const { headers, body } = readStoredEvent(letter.event);
  const { attempts } = letter;
  const reason = 'There is no product "unicorn".';
  const inOrder = attempts.every(
    (each, i) => i === 0 || each.startedAt >= (attempts[i - 1]?.startedAt ?? Infinity),
  );
  return [
    {
      text: "the letter has the body, byte for byte",
      ok: Buffer.from(body).equals(Buffer.from(sent.payload)),
    },
    {
      text: "its headers, without the signature",
      ok: headers["content-type"] === "application/json" && headers["stripe-signature"] === undefined,
    },
    {
      text: "and 4 attempts, each with its error and time",
      ok: attempts.length === 4 && inOrder && attempts.every((each) => each.error?.message === reason),
    },
  ];
}

/** Two events are being handled when the receiver is killed: one before its effect, one after it. Nobody delivers them again. */
async function killed(): Promise<void> {
  const before = paidOrder("mug", "hang-before");
  const after = paidOrder("shirt", "hang-after");
  let answers: Answer[] = [];
  const gone = (all: readonly Answer[]): boolean =>
    all.every(({ status }) => status === undefined || status === 202);
  const promised = { answered: "no answer", accepts: gone, ...once, runs: 2 };

  await step("kill -9 before the effect; restarted", promised, async () => {
    const deliveries = [send(before), send(after)];
    await Promise.all([receiver.printed(`hanging: ${before.id}`), receiver.printed(`hanging: ${after.id}`)]);
    await receiver.kill();
    answers = await Promise.all(deliveries);
    receiver = await startReceiver(settings);
    const restarted = performance.now();
    await evidence.settled([subject(before), subject(after)]);
    const seconds = ((performance.now() - restarted) / 1000).toFixed(1);
    const recovered = (event: SentEvent) => receiver.output().includes(`${event.id}, attempt 2, recovered`);
    const text = `both recovered ${seconds} s after the restart, without a delivery`;
    const checks = [{ text, ok: recovered(before) && recovered(after) }];
    return { subjects: [subject(before)], answers: answers.slice(0, 1), checks };
  });

  // Runs are at least once: nobody could know that the effect was there already.
  await step("kill -9 after the effect; restarted", { ...promised, effects: 2 }, async () => {
    const text = "a second run, as promised; the app saves an order under its id, so there is one";
    const checks = [{ text, ok: evidence.effectsOf(subject(after)) === 2 }];
    return { subjects: [subject(after)], answers: answers.slice(1), checks };
  });
}

async function finalChecks(): Promise<Check[]> {
  // Only the last word on each event: the letter was replayed.
  const latest = new Map(rows.flatMap((row) => row.subjects.map(({ key }) => [key, row] as const)));
  const changed: string[] = [];
  for (const row of new Set(latest.values())) {
    const { effects, orders } = await evidence.settled(row.subjects);
    if (effects !== row.got?.effects || orders !== row.got.orders) changed.push(row.sent);
  }
  const { running, waiting, dead, unsettled } = await evidence.store.stats();
  const letters = await evidence.deadLetters.count({});
  await leaveLetters();
  const exitCode = await receiver.stop();
  const integrity = evidence.integrity();
  return [
    {
      text: `no effect came later${changed.length > 0 ? `, but for: ${changed.join(", ")}` : ""}`,
      ok: changed.length === 0,
    },
    {
      text: `left over: ${running} running, ${waiting} waiting, ${dead} dead, ${unsettled} unsettled, ${letters} letters`,
      ok: running + waiting + dead + unsettled + letters === 0,
    },
    { text: `SIGTERM: the receiver ended with ${exitCode}`, ok: exitCode === 0 },
    { text: `integrity_check: ${integrity}`, ok: integrity === "ok" },
  ];
}

/** Something to look at in the dashboard: the last of what was sent, and counted by nothing above. */
async function leaveLetters(): Promise<void> {
  const left = [paidOrder("unicorn-pen"), paidOrder("unicorn-cap"), paidOrder("moon-rock")];
  await Promise.all(left.map((event) => send(event)));
  await evidence.settled(left.map(subject));
}

function finish(checks: readonly Check[]): void {
  console.log(`\n${table(rows)}\n`);
  for (const check of checks) console.log(`${mark(check.ok)} ${check.text}`);
  const all = [...rows, ...checks];
  const broken = all.filter(({ ok }) => !ok).length;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdict = broken === 0 ? "as promised" : `as promised, ${broken} NOT`;
  console.log(`\n${all.length - broken} of ${all.length} ${verdict}, in ${seconds} s`);
  if (broken === 0) {
    keepsData = true;
    return;
  }
  process.exitCode = 1;
  console.log(`\nThe last lines of the receiver:\n${receiver?.output().split("\n").slice(-20).join("\n")}`);
}

/** Also after a failure, when there may be less of it. */
async function tidy(): Promise<void> {
  await receiver?.kill();
  await evidence?.close();
}

try {
  await main();
} catch (error) {
  finish([{ text: String(error), ok: false }]);
} finally {
  await tidy();
}
if (keepsData) {
  const command = `HOOKLATCH_DB='${database}' npx -y pnpm@10.34.9 start`;
  console.log(
    `\nThree letters were left. To see them: ${command}   and open http://127.0.0.1:3000/hooklatch`,
  );
}
