/** Dead letters as an app's failures leave them, without an app. */
import type {
  DeadLetterQueue,
  ErrorRecord,
  HttpHeaders,
  IdempotencyStore,
  OperationId,
} from "@hooklatch/core";
import { letterId } from "@hooklatch/core";

export interface Failure {
  key: string;
  scope?: string;
  tenant?: string;
  error?: ErrorRecord;
  body?: string | Uint8Array;
  headers?: HttpHeaders;
  /** Instead of a delivered event: the input of a plain function. */
  input?: string;
}

/** Claims, fails and buries. Answers the letter's id. */
export async function bury(
  store: IdempotencyStore,
  queue: DeadLetterQueue,
  failure: Failure,
): Promise<string> {
  const { key, scope = "orders", tenant, error = { name: "TypeError", message: `no ${key}` } } = failure;
  const id: OperationId = tenant === undefined ? { scope, key } : { scope, tenant, key };
  const owner = `owner of ${key}`;
  const event = eventOf(failure);
  const claim = await store.claim({
    ...{ id, owner, leaseMs: 60_000, event },
    ...{ redelivery: "rerun", redeliveryAfterMs: 0 },
  });
  if (claim.status !== "claimed") throw new Error(`claim answered ${claim.status}`);
  const { token, attempt } = claim;
  const startedAt = Date.now() - 5;
  const ended = { attempt, startedAt, durationMs: 5, error };
  await store.fail({ id, owner, token, error, ended, letter: true });
  const record = await store.get(id);
  if (record === undefined) throw new Error("the operation is gone");
  await queue.push({
    ...{ id: letterId(id), ...id, event, error, token, bornAt: record.bornAt, rounds: record.round },
    ...{ attempts: record.attempts, firstFailedAt: startedAt, diedAt: record.changedAt },
  });
  await store.settle({ id, bornAt: record.bornAt, token, letter: "pushed" });
  return letterId(id);
}

/** A worker takes what was put back in this scope, and fails for good. */
export async function failAgain(
  store: IdempotencyStore,
  queue: DeadLetterQueue,
  scope: string,
): Promise<void> {
  const owner = "a worker";
  const [work] = await store.claimDue({ scopes: [scope], owner, leaseMs: 60_000, limit: 1 });
  if (work?.kind !== "run") throw new Error("nothing was put back");
  const { id, token, attempt } = work;
  const error = { name: "Error", message: "again" };
  const ended = { attempt, startedAt: Date.now(), durationMs: 1, error };
  await store.fail({ id, owner, token, error, ended, letter: true });
  const record = await store.get(id);
  if (record?.event === undefined) throw new Error("the operation is gone");
  const { event, originalEvent, bornAt, round, attempts, replays, changedAt } = record;
  await queue.push({
    ...{ id: letterId(id), ...id, event, originalEvent, error, token, bornAt, rounds: round, attempts },
    ...{ replays, firstFailedAt: changedAt, diedAt: changedAt },
  });
  await store.settle({ id, bornAt, token, letter: "pushed" });
}

function eventOf({ key, body = JSON.stringify({ order: key }), headers, input }: Failure): Uint8Array {
  if (input !== undefined) return new TextEncoder().encode(input);
  const head = {
    method: "POST",
    url: "/webhooks/orders",
    basePath: "",
    headers: headers ?? { "content-type": "application/json" },
    receivedAt: Date.UTC(2025, 0, 2, 3, 4, 5),
  };
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  return new Uint8Array(Buffer.concat([line, typeof body === "string" ? Buffer.from(body) : body]));
}
