/** An operation as it comes back from Redis. */
import type {
  AttemptRecord,
  ErrorRecord,
  LetterNote,
  OperationId,
  OperationRecord,
  OperationState,
} from "@hooklatch/core";

export type Reply = readonly unknown[];

/** Plain bytes: a `Buffer` would show through in what callers compare and serialise. */
export function bytes(value: unknown): Uint8Array {
  const buffer = value as Buffer;
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function blob(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

export function parseError(json: unknown): ErrorRecord {
  const text = String(json);
  return text === "" ? { name: "Error", message: "unknown" } : (JSON.parse(text) as ErrorRecord);
}

/**
 * The record of an attempt, without what its place tells: its round and its number; and, where nobody else can come after, the owner
 * of the operation. So that of a completion stays small.
 */
export function encodeEnded(
  { startedAt, durationMs, owner, error }: AttemptRecord,
  holder: string,
  isLast: boolean,
): string {
  const by = owner ?? holder;
  if (error !== undefined) return JSON.stringify([startedAt, durationMs, by, error]);
  return JSON.stringify(isLast && by === holder ? [startedAt, durationMs] : [startedAt, durationMs, by]);
}

/** From `HGETALL`. */
export function recordOf([fields, event, result]: Reply): OperationRecord | undefined {
  if (fields === undefined) return undefined;
  const found = new Map<string, string>();
  const flat = fields as Buffer[];
  for (let i = 0; i < flat.length; i += 2) found.set(String(flat[i]), String(flat[i + 1]));
  const text = (name: string): string | undefined => found.get(name);
  const number = (name: string): number | undefined =>
    found.has(name) ? Number(found.get(name)) : undefined;
  const state = text("state") as OperationState;
  const owner = text("owner") ?? "";
  const error = text("error");
  const record: OperationRecord = {
    id: idOf(text("scope") ?? "", text("tenant"), text("key") ?? ""),
    state,
    owner,
    token: number("token") ?? 0,
    attempt: number("attempt") ?? 0,
    round: number("round") ?? 1,
    fingerprint: text("fingerprint"),
    event: text("stored") === undefined ? undefined : bytes(event),
    error: error === undefined ? undefined : parseError(error),
    attempts: attemptsIn(found, owner),
    letter: (text("letter") ?? "none") as LetterNote,
    replayId: text("replayId"),
    bornAt: number("bornAt") ?? 0,
    changedAt: number("changedAt") ?? 0,
    leaseUntil: number("leaseUntil"),
    dueAt: number("dueAt"),
    expiresAt: number("expiresAt"),
    ...(state === "completed" ? { result: text("kept") === undefined ? null : bytes(result) } : {}),
  };
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as typeof record;
}

function attemptsIn(fields: ReadonlyMap<string, string>, lastOwner: string): AttemptRecord[] {
  const attempts: (AttemptRecord & { round: number })[] = [];
  for (const [name, value] of fields) {
    const [, round, attempt] = /^(\d+)\.(\d+)$/.exec(name) ?? [];
    if (round === undefined) continue;
    const [startedAt, durationMs, owner = lastOwner, error] = JSON.parse(value) as [
      number,
      number,
      string?,
      ErrorRecord?,
    ];
    attempts.push({
      attempt: Number(attempt),
      startedAt,
      durationMs,
      ...(error ? { error } : {}),
      owner,
      round: Number(round),
    });
  }
  return attempts.sort((a, b) => a.round - b.round || a.attempt - b.attempt);
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
