/** Dead letters by the thousand, made as quickly as a backend takes them. */
import { type DeadLetter, letterId, type OperationId } from "@hooklatch/core";
import type { OpenBackend } from "./backend.js";

/** Enough for a commit to hold many, and for a connection never to wait. */
const AT_ONCE = 250;

/** Calls `act` with 0 … count - 1, many at once. Rejects with the first failure, when those that had begun are over. */
export async function forEachOf(count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** As the flow leaves an operation whose attempts are exhausted: dead in the store, its letter in the queue, nothing owed. */
export async function die({ store, letters }: OpenBackend, id: OperationId): Promise<void> {
  const owner = `filler:${id.key}`;
  const event = Buffer.from(JSON.stringify({ key: id.key, filler: "x".repeat(150) }));
  const claim = await store.claim({
    id,
    owner,
    leaseMs: 600_000,
    event,
    redelivery: "ignore",
    redeliveryAfterMs: 0,
  });
  if (claim.status !== "claimed") throw new Error(`${id.key} is not new: ${claim.status}`);
  const { token } = claim;
  const error = { name: "Error", message: "the handler failed" };
  const ended = { attempt: 1, startedAt: Date.now(), durationMs: 1, error, owner };
  await store.fail({ id, owner, token, error, ended, letter: true });
  const record = await store.get(id);
  if (record?.state !== "dead") throw new Error(`${id.key} is not dead: ${record?.state}`);
  const { attempts, bornAt, changedAt } = record;
  const letter: DeadLetter = {
    ...id,
    ...{ id: letterId(id), event, error, attempts, bornAt, token },
    ...{ rounds: 1, firstFailedAt: changedAt, diedAt: changedAt },
  };
  await letters.push(letter);
  if (!(await store.settle({ id, bornAt, token, letter: "pushed" }))) throw new Error(`${id.key} moved on`);
}
