/** DESIGN.md §3 rule 6: only starts of the handler use attempts up; an extension that got no answer does not. */
import { type IdempotencyOptions, memoryDeadLetters, memoryStore, withIdempotency } from "@hooklatch/core";
import { afterEach, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { type Fault, faultyStore } from "./support/faults.js";

interface Order {
  id: string;
}
const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});
const id = { scope: "orders", key: "o-1" };

/** The extension that is to record attempt `lostAt` gets `fault`, however often it is sent. */
function failing(lostAt: number, fault: Fault, options: Partial<IdempotencyOptions<Order>> = {}) {
  const inner = memoryStore();
  const store = faultyStore(inner, (verb, _nth, request) =>
    verb === "extend" && (request as { attempt?: number }).attempt === lostAt ? fault : undefined,
  );
  const attempts: number[] = [];
  const call = withIdempotency<Order, string>(
    (_order, { attempt }) => {
      attempts.push(attempt);
      throw new Error(`attempt ${attempt} fails`);
    },
    {
      store,
      scope: "orders",
      key: (order) => order.id,
      leaseMs: 300,
      storeTimeoutMs: 60,
      retry: { maxAttempts: 3, initialDelayMs: 1 },
      deadLetters: memoryDeadLetters(),
      worker: { pollMs: 5 },
      ...options,
    },
  );
  open.push(call);
  return { call, inner, attempts };
}

test.each<Fault>(["hang-after", "lost-reply", "hang", "lost-request"])(
  "an extension whose answer never comes uses up no attempt (%s)",
  async (fault) => {
    const { call, inner, attempts } = failing(3, fault);
    expect(await call({ id: "o-1" })).toMatchObject({ status: "accepted" });
    const record = await eventually(async () => {
      const found = await inner.get(id);
      return found?.state === "dead" && found;
    }, "the death");
    expect(attempts).toEqual([1, 2, 3]);
    expect(record).toMatchObject({ attempt: 3, error: { message: "attempt 3 fails" } });
    expect(record.attempts.map((one) => one.attempt)).toEqual([1, 2, 3]);
  },
);

test("what waits after it has recorded the attempts that started", async () => {
  const { call, inner, attempts } = failing(2, "hang-after", { worker: false });
  expect(await call({ id: "o-1" })).toMatchObject({ status: "accepted" });
  expect(attempts).toEqual([1]);
  expect(await inner.get(id)).toMatchObject({ state: "waiting", attempt: 1 });
});
