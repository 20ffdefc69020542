/** The completion that reads nothing first: it leaves the same row as one that does, and leaves to that one all that it is not about. */
import type { CompleteRequest, IdempotencyStore } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { firstRun } from "../src/first-completion.js";
import { claimOf, scratch } from "./support.js";

const file = scratch("first completion");
const NOW = 1_000_000;
const ended = { attempt: 1, startedAt: NOW, durationMs: 1 };
const requests: Partial<CompleteRequest>[] = [
  {},
  { ended },
  { ended: { ...ended, owner: "somebody", error: { name: "E", message: "m" } } },
  { result: null },
  { result: new Uint8Array(0), retentionMs: 0.5 },
  { retentionMs: Number.POSITIVE_INFINITY },
  { owner: "another" },
  { token: 2 },
];

/** Every column that is left after these steps. `quick: false`: the statement that reads nothing first finds nothing. */
async function rowAfter(quick: boolean, name: string, steps: (store: IdempotencyStore) => Promise<unknown>) {
  const db = new Database(file(`${name} ${quick}.db`));
  let used = 0;
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    if (!sql.includes("attempts = '[]'")) return statement;
    const run = statement.run.bind(statement);
    statement.run = (...values: unknown[]) => {
      const done = quick ? run(...values) : { changes: 0, lastInsertRowid: 0 };
      used += done.changes;
      return done;
    };
    return statement;
  }) as typeof db.prepare;
  const answer = await steps(sqliteStore(db, { now: () => NOW }));
  const row = db.prepare("SELECT * FROM hooklatch_operations").get();
  db.close();
  return { answer, row, used };
}

const first = claimOf("k", { owner: "first", fingerprint: "f", leaseMs: 1_000 });
const completion: CompleteRequest = {
  ...first,
  token: 1,
  result: new Uint8Array([1, 2]),
  retentionMs: 1_000,
};

describe("leaves the same row as the one that reads first", () => {
  test.each(requests.map((request, n) => [n, request] as const))("request %i", async (n, request) => {
    const steps = async (store: IdempotencyStore) => {
      await store.claim(first);
      const answers = [await store.complete({ ...completion, ...request })];
      // Resent.
      return [...answers, await store.complete({ ...completion, ...request })];
    };
    const [quick, slow] = [await rowAfter(true, `r${n}`, steps), await rowAfter(false, `r${n}`, steps)];
    const { used, ...left } = quick;
    expect(left).toEqual({ answer: slow.answer, row: slow.row });
    expect(used).toBe((quick.answer as boolean[])[0] ? 1 : 0);
  });
});

describe("is not for", () => {
  const end = (store: IdempotencyStore, token: number) => store.complete({ ...completion, token, ended });
  const cases: Record<string, (store: IdempotencyStore) => Promise<unknown>> = {
    async "an operation with an attempt that ended before"(store) {
      await store.claim(first);
      await store.extend({ ...first, token: 1, attempt: 2, ended });
      return end(store, 1);
    },
    async "one that is in its second round, with a letter"(store) {
      await store.claim(first);
      await store.fail({ ...first, token: 1, error: { name: "E", message: "m" }, letter: true });
      await store.claim({ ...first, redeliveryAfterMs: 0 });
      return end(store, 2);
    },
    async "one that waits"(store) {
      await store.claim(first);
      await store.retry({ ...first, token: 1, delayMs: 0 });
      return end(store, 1);
    },
  };
  test.each(Object.entries(cases))("%s", async (name, steps) => {
    const [quick, slow] = [await rowAfter(true, name, steps), await rowAfter(false, name, steps)];
    expect(quick).toEqual({ ...slow, used: 0 });
  });
});

test("changes no column but those that its statement sets", () => {
  const before: life.Life = { ...firstRun(completion), fingerprint: "f", leaseUntil: 1 };
  const { next } = life.complete(before, { ...completion, ended }, NOW);
  const changed = Object.entries(next ?? {}).filter(
    ([name, value]) => value !== before[name as keyof life.Life],
  );
  expect(changed.map(([name]) => name).sort()).toEqual(
    ["attempts", "changedAt", "expiresAt", "leaseUntil", "state", "stored"].sort(),
  );
});
