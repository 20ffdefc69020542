/** An operation as it comes back from Redis. */
import type { ErrorRecord, LetterNote, OperationId, OperationRecord, OperationState } from "@hooklatch/core";
import { attemptsIn, type Ended, replaysIn } from "./history.js";
import type { Argument } from "./script.js";

export type Reply = readonly unknown[];

/** Plain bytes of their own: a `Buffer` would show through in what callers compare, and what else came from the network with it. */
export function bytes(value: unknown): Uint8Array {
  return new Uint8Array(value as Buffer);
}

export function blob(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** Whether it is there, and its bytes. */
export function payload(given: Uint8Array | undefined): Argument[] {
  return given === undefined ? [0, ""] : [1, blob(given)];
}

export function parseError(json: unknown): ErrorRecord {
  const text = String(json);
  return text === "" ? { name: "Error", message: "unknown" } : (JSON.parse(text) as ErrorRecord);
}

/** `fields` and `ended` as `HGETALL` gives them. */
export function recordOf([fields, event, result, ended, replays, original]: Reply):
  | OperationRecord
  | undefined {
  if (fields === undefined) return undefined;
  const found = fieldsOf(fields);
  const attempts = new Map([...fieldsOf(ended)].map(([name, value]) => [name, String(value)]));
  const text = (name: string): string | undefined => found.get(name)?.toString();
  const number = (name: string): number | undefined =>
    found.has(name) ? Number(found.get(name)) : undefined;
  const state = text("state") as OperationState;
  const owner = text("owner") ?? "";
  const round = number("round") ?? 1;
  const last = text("last");
  if (last !== undefined) {
    const [attempt, ...record] = JSON.parse(last) as [number, ...Ended];
    attempts.set(`${round}.${attempt}`, JSON.stringify(record));
  }
  const error = state === "dead" ? parseError(attempts.get("error") ?? "") : undefined;
  const record: OperationRecord = {
    id: idOf(text("scope") ?? "", text("tenant"), text("key") ?? ""),
    state,
    owner,
    token: number("token") ?? 0,
    attempt: number("attempt") ?? 0,
    round,
    fingerprint: text("fingerprint"),
    event: event === null ? undefined : bytes(event),
    error,
    attempts: attemptsIn(attempts, owner),
    replays: replaysIn(replays),
    originalEvent: original === null ? undefined : bytes(original),
    letter: (text("letter") ?? "none") as LetterNote,
    replayId: text("replayId"),
    bornAt: number("bornAt") ?? 0,
    changedAt: number("changedAt") ?? 0,
    leaseUntil: number("leaseUntil"),
    dueAt: number("dueAt"),
    expiresAt: number("expiresAt"),
    ...(state === "completed" ? { result: result === null ? null : bytes(result) } : {}),
  };
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as typeof record;
}

/** A hash, from `HGETALL` in a script: names and values in turn. */
export function fieldsOf(flat: unknown): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  const parts = flat as Buffer[];
  for (let i = 0; i < parts.length; i += 2) fields.set(String(parts[i]), parts[i + 1] as Buffer);
  return fields;
}

export function idOf(scope: string, tenant: string | undefined, key: string): OperationId {
  return tenant === undefined ? { scope, key } : { scope, tenant, key };
}

/** `-`: none; `+` and a text: that text. */
export function optional(value: string | number | undefined): string {
  return value === undefined ? "-" : `+${value}`;
}

export function parseOptional(value: unknown): string | undefined {
  const text = String(value);
  return text === "-" ? undefined : text.slice(1);
}
