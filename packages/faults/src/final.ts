/** What the store and the letters say when all is over. */
import { HooklatchError, letterId, type OperationState } from "@hooklatch/core";
import { SCOPE } from "./app-config.js";
import type { OpenBackend } from "./backend.js";

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
  /** What the store counts; `unfinished`: neither completed nor dead, and letters that are not settled. */
  counts: { completed: number; dead: number; unfinished: number };
  /** `ok`, or what the backend found wrong with its data. */
  integrity: string;
}

/** Whether every operation is completed or dead, and no letter is owed. */
export async function isFinished({ store }: OpenBackend): Promise<boolean> {
  try {
    return (await countsOf(store)).unfinished === 0;
  } catch (error) {
    if (HooklatchError.is(error) && error.retryable) return false;
    throw error;
  }
}

export async function readFinal(open: OpenBackend, keys: Iterable<string>): Promise<FinalState> {
  const { store, letters, integrity } = open;
  const read = async (key: string): Promise<[string, FinalOperation]> => {
    const id = { scope: SCOPE, key };
    const [record, letter] = await Promise.all([store.get(id), letters.get(letterId(id))]);
    const operation: FinalOperation = {
      state: record?.state ?? "absent",
      token: record?.token ?? 0,
      rounds: record?.round ?? 0,
      run: record?.result ? runIn(Buffer.from(record.result).toString("utf8")) : undefined,
      error: record?.error?.code,
      letter: letter !== undefined,
    };
    return [key, operation];
  };
  return {
    operations: new Map(await Promise.all([...keys].map(read))),
    counts: await countsOf(store),
    integrity: integrity?.() ?? "ok",
  };
}

async function countsOf(store: OpenBackend["store"]): Promise<FinalState["counts"]> {
  const { completed, dead, running, waiting, released, unsettled } = await store.stats(SCOPE);
  return { completed, dead, unfinished: running + waiting + released + unsettled };
}

/** The run that a response or a stored result comes from. */
export function runIn(text: string): string | undefined {
  return /"run":"([^"]+)"/.exec(text)?.[1];
}
