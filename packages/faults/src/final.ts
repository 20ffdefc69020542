/** What the store and the letters say when all is over. */
import type { OperationState } from "@hooklatch/core";
import { letterId } from "@hooklatch/core";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { SCOPE } from "./app-config.js";

export interface FinalOperation {
  state: OperationState | "absent";
  token: number;
  rounds: number;
  /** The run whose result is stored. */
  run: string | undefined;
  error: string | undefined;
  /** The queue has a letter of it. */
  letter: boolean;
}

export interface FinalState {
  operations: Map<string, FinalOperation>;
  /** Operations that are neither completed nor dead, and letters that are not settled. */
  unfinished: number;
  /** `ok`, or what SQLite found. */
  integrity: string;
}

/** How many operations are neither completed nor dead, or owe their letter. */
export async function countUnfinished(file: string): Promise<number> {
  const store = sqliteStore(file);
  try {
    const { running, waiting, released, unsettled } = await store.stats(SCOPE);
    return running + waiting + released + unsettled;
  } finally {
    await store.close?.();
  }
}

export async function readFinal(file: string, keys: Iterable<string>): Promise<FinalState> {
  const store = sqliteStore(file);
  const letters = sqliteDeadLetters(file);
  const operations = new Map<string, FinalOperation>();
  try {
    for (const key of keys) {
      const id = { scope: SCOPE, key };
      const [record, letter] = await Promise.all([store.get(id), letters.get(letterId(id))]);
      operations.set(key, {
        state: record?.state ?? "absent",
        token: record?.token ?? 0,
        rounds: record?.round ?? 0,
        run: record?.result ? runIn(Buffer.from(record.result).toString("utf8")) : undefined,
        error: record?.error?.code,
        letter: letter !== undefined,
      });
    }
  } finally {
    await letters.close?.();
    await store.close?.();
  }
  return { operations, unfinished: await countUnfinished(file), integrity: integrityOf(file) };
}

/** The run that a response or a stored result comes from. */
export function runIn(text: string): string | undefined {
  return /"run":"([^"]+)"/.exec(text)?.[1];
}

function integrityOf(file: string): string {
  const database = new Database(file);
  try {
    return (database.pragma("integrity_check") as { integrity_check: string }[])
      .map((row) => row.integrity_check)
      .join("; ");
  } finally {
    database.close();
  }
}
