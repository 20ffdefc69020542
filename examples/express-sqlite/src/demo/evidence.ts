/** What really happened, read from the two databases by a process that took no part in it. */
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { until } from "./until.js";

/** An event that was sent. */
export interface Subject {
  scope: "stripe" | "generic";
  /** Its idempotency key. */
  key: string;
  orderId: string;
}

export interface Facts {
  /** Starts of the handler, in the last round of attempts. */
  runs: number;
  /** Times that the order was written. */
  effects: number;
  /** Orders that there are. */
  orders: number;
  ended: string;
}

export interface Evidence {
  readonly store: IdempotencyStore;
  readonly deadLetters: DeadLetterQueue;
  /** Waits until nothing more will happen to these events by itself. */
  settled(subjects: readonly Subject[]): Promise<Facts>;
  effectsOf(subject: Subject): number;
  /** `ok`, for both files. */
  integrity(): string;
  close(): Promise<void>;
}

export function openEvidence(database: string, shopDatabase: string): Evidence {
  const store = sqliteStore(database);
  const deadLetters = sqliteDeadLetters(database);
  const shop = new Database(shopDatabase, { readonly: true });
  const effects = shop.prepare<[string], number>("SELECT count(*) FROM effects WHERE event = ?").pluck();
  const orders = shop.prepare<[string], number>("SELECT count(*) FROM orders WHERE id = ?").pluck();

  async function factsOf(subject: Subject): Promise<Facts | undefined> {
    const record = await store.get(subject);
    const letters = await deadLetters.count({ scope: subject.scope, key: subject.key });
    const state = record?.state ?? "nothing stored";
    if (state === "running" || state === "waiting") return undefined;
    // The letter comes and goes in a second step, of which the store is told in a third.
    if (record?.letter === "push" || record?.letter === "remove") return undefined;
    if (state === "dead" ? letters === 0 : letters > 0) return undefined;
    return {
      runs: record?.attempt ?? 0,
      effects: effects.get(subject.key) ?? 0,
      orders: orders.get(subject.orderId) ?? 0,
      ended: state === "dead" ? "dead letter" : state,
    };
  }

  return {
    store,
    deadLetters,
    async settled(subjects) {
      const all = await Promise.all(
        subjects.map((subject) => until(`${subject.key} has ended`, () => factsOf(subject))),
      );
      const sum = (what: "runs" | "effects" | "orders") =>
        all.reduce((total, facts) => total + facts[what], 0);
      const ended = [...new Set(all.map((facts) => facts.ended))].join(", ");
      return { runs: sum("runs"), effects: sum("effects"), orders: sum("orders"), ended };
    },
    effectsOf: ({ key }) => effects.get(key) ?? 0,
    integrity() {
      const events = new Database(database, { readonly: true });
      const results = [events, shop].map((db) => db.pragma("integrity_check", { simple: true }));
      events.close();
      return [...new Set(results)].join(", ");
    },
    async close() {
      await store.close?.();
      await deadLetters.close?.();
      shop.close();
    },
  };
}
