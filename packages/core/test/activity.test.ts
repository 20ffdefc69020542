/** What one process did, counted. */
import { memoryDeadLetters, memoryStore, recordActivity, withIdempotency } from "@hooklatch/core";
import { expect, test } from "vitest";

test("counts by scope, calls the app's own listeners, and forgets steps after a day", async () => {
  let at = 1_700_000_000_000;
  const activity = recordActivity({ now: () => at });
  const own: string[] = [];
  const handler = withIdempotency(
    (n: number) => {
      if (n < 0) throw new Error("negative");
    },
    {
      store: memoryStore(),
      scope: "s",
      deadLetters: memoryDeadLetters(),
      retry: { maxAttempts: 2, initialDelayMs: 0 },
      on: activity.listeners({
        completed: () => void own.push("completed"),
        leaseLost: () => {},
        dead: () => {
          throw new Error("a listener's own failure");
        },
      }),
    },
  );
  await handler(1);
  await handler(1);
  at += 6 * 60_000;
  await handler(-1);
  const [scope] = activity.read();
  expect(scope?.total).toEqual({ claimed: 2, completed: 1, replayed: 1, retried: 1, dead: 1 });
  expect(scope?.steps.map(({ counts }) => counts.dead)).toEqual([0, 1]);
  expect(own).toEqual(["completed"]);
  at += 24 * 60 * 60_000;
  await handler(2);
  expect(activity.read()[0]?.steps).toHaveLength(1);
  expect(activity.read()[0]?.total.claimed).toBe(3);
  await handler.close();
});

test("shows the last day, also where nothing has happened since", () => {
  let at = 1_700_000_000_000;
  const activity = recordActivity({ now: () => at });
  activity.listeners().completed?.({ scope: "s", key: "k" } as never);
  at += 23 * 3_600_000;
  expect(activity.read()[0]?.steps).toHaveLength(1);
  at += 2 * 3_600_000;
  expect(activity.read()[0]).toMatchObject({ scope: "s", total: { completed: 1 }, steps: [] });
});

test("listeners are known by name, so that a misspelled one is refused", () => {
  const on = recordActivity().listeners({ compleeted: () => {} } as never);
  expect(() => withIdempotency(() => {}, { store: memoryStore(), scope: "s", on })).toThrow("compleeted");
});
