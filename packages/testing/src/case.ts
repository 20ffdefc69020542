/** What the body of a case works with: connections, ids of its own, and time. It leaves nothing open and nothing behind. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeadLetterLimits, DeadLetterQueue, IdempotencyStore, OperationId } from "@hooklatch/core";
import type { ChildStore, ContractCase, DeadLetterHarness, StoreHarness } from "./harness.js";

export interface StoreCase {
  /** A scope of this case alone. */
  readonly scope: string;
  /** A new connection; the case closes it at its end. */
  open(): Promise<IdempotencyStore>;
  /** A new identity in the case's scope; what is given replaces the random parts. */
  id(parts?: Partial<OperationId>): OperationId;
  /** Lets slightly more than `ms` pass by the store's clock. */
  pass(ms: number): Promise<void>;
  /** Lets more time pass than any retention; without a clock to move, longer than what the cases use. */
  passAges(): Promise<void>;
  child(): ChildStore;
}

export type StoreCases = Record<string, (t: StoreCase) => Promise<void>>;

const A_YEAR_MS = 366 * 24 * 60 * 60 * 1000;

export function storeCase(
  harness: StoreHarness,
  name: string,
  body: (t: StoreCase) => Promise<void>,
): ContractCase {
  async function run(): Promise<void> {
    const space = randomUUID();
    const scope = `scope-${randomUUID()}`;
    const opened = new Set<IdempotencyStore>();
    const ids: OperationId[] = [];

    async function pass(ms: number): Promise<void> {
      if (harness.advance) await harness.advance(ms + 1, space);
      // A timer may fire a millisecond early by another clock.
      else await sleep(ms + 15);
    }
    async function open(): Promise<IdempotencyStore> {
      const store = await harness.open(space);
      opened.add(store);
      return store;
    }
    async function forget(): Promise<void> {
      // One object holds the data of this space alone, and closing it forgets them.
      if (harness.sharedConnection || ids.length === 0) return;
      const store = await open();
      await Promise.all(ids.map((id) => store.delete(id)));
    }
    const t: StoreCase = {
      scope,
      open,
      id(parts) {
        const id = { scope, key: randomUUID(), ...parts };
        ids.push(id);
        return id;
      },
      pass,
      passAges: () => pass(harness.advance ? A_YEAR_MS : 85),
      child() {
        if (harness.child === undefined) throw new Error("The harness has no child().");
        return harness.child(space);
      },
    };
    await runAndClose(() => body(t), forget, opened);
  }
  return { name, run };
}

export interface DeadLetterCase {
  readonly scope: string;
  /** A new connection, with these limits; the case closes it at its end. */
  open(limits?: DeadLetterLimits): Promise<DeadLetterQueue>;
  /** Removes the letter at the end of the case. */
  made(letterId: string): void;
}

export type DeadLetterCases = Record<string, (t: DeadLetterCase) => Promise<void>>;

export function deadLetterCase(
  harness: DeadLetterHarness,
  name: string,
  body: (t: DeadLetterCase) => Promise<void>,
): ContractCase {
  async function run(): Promise<void> {
    const space = randomUUID();
    const opened = new Set<DeadLetterQueue>();
    const ids = new Set<string>();

    async function open(limits?: DeadLetterLimits): Promise<DeadLetterQueue> {
      const queue = await harness.open(space, limits);
      opened.add(queue);
      return queue;
    }
    async function forget(): Promise<void> {
      if (harness.sharedConnection || ids.size === 0) return;
      const queue = await open();
      await Promise.all([...ids].map((id) => queue.remove(id)));
    }
    const t: DeadLetterCase = { scope: `scope-${randomUUID()}`, open, made: (id) => void ids.add(id) };
    await runAndClose(() => body(t), forget, opened);
  }
  return { name, run };
}

/** Runs the body; then tidies up whatever it left. The body's error wins over one of tidying up. */
async function runAndClose(
  body: () => Promise<void>,
  forget: () => Promise<void>,
  opened: Set<{ close?(): Promise<void> }>,
): Promise<void> {
  let failure: { error: unknown } | undefined;
  const attempt = async (step: () => Promise<void> | undefined): Promise<void> => {
    try {
      await step();
    } catch (error) {
      failure ??= { error };
    }
  };
  await attempt(body);
  await attempt(forget);
  for (const connection of opened) await attempt(() => connection.close?.());
  if (failure) throw failure.error;
}
