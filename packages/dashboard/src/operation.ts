/** One operation, by scope, tenant and key. */
import { letterId, type OperationId } from "@hooklatch/core";
import type { OperationDetail } from "./api.js";
import type { Settings } from "./options.js";
import { refuse } from "./refusal.js";
import { errorShown, eventShown, seen, timelineOf } from "./shown.js";

/** @throws {Refusal} `operation_not_found`, `invalid_operation` */
export async function operationDetail(settings: Settings, query: URLSearchParams): Promise<OperationDetail> {
  const id = idOf(Object.fromEntries(query));
  const record = await settings.store.get(id);
  if (record === undefined) {
    throw refuse(
      404,
      "operation_not_found",
      "The store has no such operation: it never came, or its retention is over.",
    );
  }
  const letter = await settings.deadLetters.get(letterId(id));
  const {
    state,
    owner,
    token,
    attempt,
    round,
    bornAt,
    changedAt,
    leaseUntil,
    dueAt,
    expiresAt,
    result,
    error,
    event,
  } = record;
  return {
    scope: id.scope,
    ...(id.tenant !== undefined && { tenant: id.tenant }),
    key: id.key,
    ...{ state, owner, token, attempt, round, bornAt, changedAt },
    ...(leaseUntil !== undefined && { leaseUntil }),
    ...(dueAt !== undefined && { dueAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    stored: event !== undefined,
    ...(result !== undefined && { resultBytes: result?.byteLength ?? null }),
    ...(error !== undefined && { error: errorShown(error, settings) }),
    timeline: timelineOf(record.attempts, settings),
    replayHistory: (record.replays ?? []).map(
      (replay) => ({ ...replay }) as OperationDetail["replayHistory"][number],
    ),
    ...(letter !== undefined && { letterId: letter.id }),
    ...(event !== undefined && { event: eventShown(seen(event, settings)) }),
  };
}

/** @throws {Refusal} `invalid_operation` */
export function idOf({ scope, tenant, key }: Readonly<Record<string, unknown>>): OperationId {
  const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
  if (!isText(scope) || !isText(key) || !(tenant === undefined || typeof tenant === "string")) {
    throw refuse(400, "invalid_operation", "Say `scope` and `key`, and `tenant` where there is one.");
  }
  return isText(tenant) ? { scope, tenant, key } : { scope, key };
}
