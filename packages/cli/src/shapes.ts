/** What `--json` prints. The shapes are documented in docs/cli.md, and stable: fields may be added. */
import {
  type AttemptRecord,
  bytesToJson,
  type DeadLetter,
  deliveredIn,
  type ErrorRecord,
  letterId,
  type OperationId,
  type OperationRecord,
  type ReplayRecord,
} from "@hooklatch/core";
import { iso } from "./times.js";

/** Of a plain function's input there is a body alone. */
function eventShape(event: Uint8Array) {
  const delivered = deliveredIn(event);
  if (delivered === undefined) return { body: bytesToJson(event) };
  const { method, url, headers, receivedAt, body } = delivered;
  return {
    method,
    url,
    headers: { ...headers },
    receivedAt: iso(receivedAt.getTime()),
    body: bytesToJson(body),
  };
}

/** Exactly these fields, whatever else a store keeps there. */
function errorShape({ name, code, message, stack }: ErrorRecord, withStack = true) {
  return { name, code, message, ...(withStack && { stack }) };
}

function attemptShape({ round = 1, attempt, startedAt, durationMs, owner, error }: AttemptRecord) {
  return {
    round,
    attempt,
    startedAt: iso(startedAt),
    durationMs,
    owner,
    error: error && errorShape(error),
  };
}

function replayShape({ round, at, replayId, by, note, changed }: ReplayRecord) {
  return { round, at: iso(at), replayId, by, note, changed };
}

/** `gone`: the store has no record of it. `unknown`: it could not be asked. */
export type StateNow = OperationRecord["state"] | "gone" | "unknown";

/** A letter in a list: without its event, its stacks and its attempts. */
export function summaryShape(letter: DeadLetter, state: StateNow) {
  const { id, scope, tenant, key, error, attempts, rounds, replays = [], originalEvent } = letter;
  return {
    id,
    scope,
    tenant,
    key,
    error: errorShape(error, false),
    attempts: attempts.length,
    rounds,
    replays: replays.length,
    edited: originalEvent !== undefined,
    firstFailedAt: iso(letter.firstFailedAt),
    failedAt: iso(letter.diedAt),
    arrivedAt: iso(letter.arrivedAt),
    state,
  };
}

export function letterShape(letter: DeadLetter, record: OperationRecord | undefined | "unknown") {
  const { id, scope, tenant, key, error, attempts, rounds, replays = [], originalEvent, event } = letter;
  return {
    id,
    scope,
    tenant,
    key,
    error: errorShape(error),
    attempts: attempts.map(attemptShape),
    rounds,
    replays: replays.map(replayShape),
    edited: originalEvent !== undefined,
    event: eventShape(event),
    originalEvent: originalEvent && eventShape(originalEvent),
    bornAt: iso(letter.bornAt),
    token: letter.token,
    firstFailedAt: iso(letter.firstFailedAt),
    failedAt: iso(letter.diedAt),
    arrivedAt: iso(letter.arrivedAt),
    operation: {
      state: record === "unknown" ? "unknown" : (record?.state ?? "gone"),
      ...(typeof record === "object" && standing(record)),
    },
  };
}

export function operationShape(record: OperationRecord) {
  const { state, owner, round, error, attempts, replays, event, originalEvent, result, letter } = record;
  return {
    ...idShape(record.id),
    state,
    owner,
    round,
    ...standing(record),
    bornAt: iso(record.bornAt),
    changedAt: iso(record.changedAt),
    error: error && errorShape(error),
    attempts: attempts.map(attemptShape),
    replays: replays.map(replayShape),
    edited: originalEvent !== undefined,
    eventBytes: event?.byteLength ?? null,
    /** `null`: there is none, or it is not kept. */
    resultBytes: result?.byteLength ?? null,
    letter,
    letterId: letterId(record.id),
  };
}

function standing({ token, attempt, leaseUntil, dueAt, expiresAt }: OperationRecord) {
  return { token, attempt, leaseUntil: iso(leaseUntil), dueAt: iso(dueAt), expiresAt: iso(expiresAt) };
}

export function idShape({ scope, tenant, key }: OperationId) {
  return { scope, tenant, key };
}
