/** The store under several processes: what one machine with a process for each core does. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { IdempotencyStore } from "@hooklatch/core";
import { take, wait } from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";
import type { ChildStore } from "./harness.js";

const PROCESSES = 4;
const TIMEOUT_MS = 30_000;

/** `claim`: all keys at once. `due`: what `claimDue` gives, until nothing is left. */
type Job = { verb: "claim"; scope: string; keys: string[] } | { verb: "due"; scope: string };

/** Runs in the child, as text, so that it needs no file of its own: opens the store, waits for the job, tells which keys it got. */
const program = `
const next = () => new Promise((resolve) => process.once("message", resolve));
const tell = (message) => new Promise((resolve) => process.send(message, resolve));
const { module, argument } = await next();
const { default: open } = await import(module);
const store = await open(argument);
const go = next();
await tell("ready");
const { verb, scope, keys } = await go;
const owner = "process-" + process.pid + "-";
const got = [];
if (verb === "claim") {
  const claims = keys.map((key, n) => store.claim({
    id: { scope, key }, owner: owner + n, leaseMs: 60000, event: new Uint8Array([n]), redelivery: "rerun", redeliveryAfterMs: 0,
  }));
  for (const [n, claim] of (await Promise.all(claims)).entries()) {
    if (claim.status === "claimed") got.push(keys[n]);
    else if (claim.status !== "running") throw new Error("claim answered " + JSON.stringify(claim));
  }
} else {
  for (let call = 0, empty = 0; empty < 2; call++) {
    const work = await store.claimDue({ scopes: [scope], owner: owner + call, leaseMs: 60000, limit: 3 });
    empty = work.length === 0 ? empty + 1 : 0;
    for (const one of work) got.push(one.id.key);
  }
}
await tell({ got });
await store.close?.();
process.disconnect();
`;

export const processCases: StoreCases = {
  [`processes: of ${PROCESSES} that claim the same keys at once, one wins each (§3 rule 1)`]: async (t) => {
    const keys = Array.from({ length: 25 }, () => t.id().key);
    const won = await race(t, { verb: "claim", scope: t.scope, keys });
    assert.deepEqual(won.flat().sort(), [...keys].sort());
  },
  [`processes: of ${PROCESSES} that race for leases that ran out, one takes each (§3 table)`]: async (t) => {
    const store = await t.open();
    const ids = Array.from({ length: 25 }, () => t.id());
    await Promise.all(ids.map((id) => take(store, id, { leaseMs: 1 })));
    await t.pass(1);
    const keys = ids.map((id) => id.key);
    const won = await race(t, { verb: "claim", scope: t.scope, keys });
    assert.deepEqual(won.flat().sort(), [...keys].sort());
    await ownedOnce(store, t.scope, keys, 2);
  },
  [`processes: of ${PROCESSES} that ask for due work, one gets each piece (§3 rule 1)`]: async (t) => {
    const store = await t.open();
    const ids = Array.from({ length: 40 }, () => t.id());
    await Promise.all(ids.map((id) => wait(store, id)));
    const got = await race(t, { verb: "due", scope: t.scope });
    const keys = ids.map((id) => id.key);
    assert.deepEqual(got.flat().sort(), [...keys].sort());
    await ownedOnce(store, t.scope, keys, 2);
  },
};

async function ownedOnce(
  store: IdempotencyStore,
  scope: string,
  keys: string[],
  token: number,
): Promise<void> {
  for (const key of keys) assert.equal((await store.get({ scope, key }))?.token, token, "another token");
}

/** The keys that each process got. */
async function race(t: StoreCase, job: Job): Promise<string[][]> {
  const children: Child[] = [];
  let patienceMs = 0;
  try {
    for (let n = 0; n < PROCESSES; n++) children.push(start(t.child()));
    for (const child of children) assert.equal(await child.message(), "ready");
    for (const child of children) child.send(job);
    const got = await Promise.all(
      children.map(async (child) => (await child.message<{ got: string[] }>()).got),
    );
    patienceMs = 5_000;
    return got;
  } finally {
    await Promise.all(children.map((child) => child.end(patienceMs)));
  }
}

interface Child {
  send(message: object): void;
  /** The next message. Rejects with what the process said on its error output, if it ends before. */
  message<Message = string>(): Promise<Message>;
  /** Resolves once the process has ended: by itself, or killed after this time. */
  end(patienceMs: number): Promise<void>;
}

function start({ module, argument, execArgv = [] }: ChildStore): Child {
  const args = [...execArgv, "--input-type=module", "--eval", program];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const received: unknown[] = [];
  const waiting: { resolve(message: unknown): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  let errors = "";

  function fail(error: Error): void {
    failure ??= error;
    for (const one of waiting.splice(0)) one.reject(error);
  }
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.on("message", (message) => {
    const first = waiting.shift();
    if (first) first.resolve(message);
    else received.push(message);
  });
  const timer = setTimeout(() => {
    fail(new Error(`the process did not answer within ${TIMEOUT_MS} ms\n${errors}`));
    child.kill("SIGKILL");
  }, TIMEOUT_MS);
  const closed = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      fail(error);
      resolve();
    });
    child.on("close", (code) => {
      fail(new Error(`the process ended with code ${code}\n${errors}`));
      resolve();
    });
  }).then(() => clearTimeout(timer));
  // A message that cannot be sent needs no report of its own: the process is gone, and "close" says why.
  const send = (message: object): void => void child.send(message, () => {});
  send({ module: isAbsolute(module) ? pathToFileURL(module).href : module, argument });

  return {
    send,
    message: <Message>() =>
      new Promise<Message>((resolve, reject) => {
        if (received.length > 0) resolve(received.shift() as Message);
        else if (failure) reject(failure);
        else waiting.push({ resolve: (message) => resolve(message as Message), reject });
      }),
    async end(patienceMs) {
      const patience = setTimeout(() => child.kill("SIGKILL"), patienceMs);
      await closed;
      clearTimeout(patience);
    },
  };
}
