/** An operation as a row of `hooklatch_operations`, and back. */
import type { OperationId } from "@hooklatch/core";
import { type Life, noteAt, runnableAt } from "@hooklatch/core/life";

/** Everything but the payloads. Its properties are in the order of `LIFE`. */
export interface LifeRow {
  id: number;
  scope: string;
  tenant: string | null;
  key: string;
  state: Life["state"];
  owner: string;
  token: number;
  attempt: number;
  recovered: number;
  round: number;
  stored: number;
  fingerprint: string | null;
  letter: Life["letter"];
  note_owner: string | null;
  note_due_at: number | null;
  note_tries: number;
  replay_id: string | null;
  replay: number;
  born_at: number;
  changed_at: number;
  lease_until: number | null;
  due_at: number | null;
  expires_at: number | null;
  handed_to: string | null;
  error: string | null;
  attempts: string;
}

export interface PayloadColumns {
  event: Uint8Array | null;
  result: Uint8Array | null;
  result_kept: number;
}

const LIFE_COLUMNS = [
  "state",
  "owner",
  "token",
  "attempt",
  "recovered",
  "round",
  "stored",
  "fingerprint",
  "letter",
  "note_owner",
  "note_due_at",
  "note_tries",
  "replay_id",
  "replay",
  "born_at",
  "changed_at",
  "lease_until",
  "due_at",
  "expires_at",
  "handed_to",
  "error",
  "attempts",
] as const;
/** Derived from the others at each write, so that due work is found by an index. */
const DERIVED_COLUMNS = ["runnable_at", "note_at"] as const;

export const LIFE = ["id", "scope", "tenant", "key", ...LIFE_COLUMNS].join(", ");

const WRITTEN = [...LIFE_COLUMNS, ...DERIVED_COLUMNS];

/** For `valuesOfNew`. An operation that is there already stays as it is. */
export const INSERT = insertSql();

function insertSql(): string {
  const columns = ["name", "scope", "tenant", "key", ...WRITTEN, "event", "result", "result_kept"];
  return `INSERT INTO hooklatch_operations (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
    ON CONFLICT (name) DO NOTHING`;
}

/**
 * For the values of `valuesOf`, the payloads that are named, and the id. A heartbeat must not rewrite a large event: payloads are named only
 * where they change.
 */
export function updateSql(event: boolean, result: boolean): string {
  const columns = [...WRITTEN, ...(event ? ["event"] : []), ...(result ? ["result", "result_kept"] : [])];
  return `UPDATE hooklatch_operations SET ${columns.map((c) => `${c} = ?`).join(", ")} WHERE id = ?`;
}

/** A row that was read as an array of the columns of `LIFE`, and more behind them. */
export function rowOf(values: readonly unknown[]): LifeRow {
  return {
    id: values[0],
    scope: values[1],
    tenant: values[2],
    key: values[3],
    state: values[4],
    owner: values[5],
    token: values[6],
    attempt: values[7],
    recovered: values[8],
    round: values[9],
    stored: values[10],
    fingerprint: values[11],
    letter: values[12],
    note_owner: values[13],
    note_due_at: values[14],
    note_tries: values[15],
    replay_id: values[16],
    replay: values[17],
    born_at: values[18],
    changed_at: values[19],
    lease_until: values[20],
    due_at: values[21],
    expires_at: values[22],
    handed_to: values[23],
    error: values[24],
    attempts: values[25],
  } as LifeRow;
}

/** What is kept of replays, in a row of its own. */
export type History = Pick<Life, "replays" | "edited">;
/** NULL where there is no such row. */
export interface HistoryColumns {
  replays: string | null;
  edited: number | null;
}

export function historyIn(columns: HistoryColumns | undefined): History {
  const { replays = null, edited = 0 } = columns ?? {};
  return { replays: replays === null ? [] : JSON.parse(replays), edited: edited === 1 };
}

/** `history`: only where it is looked at, which is in `schedule` and `claim`; other transitions do not read it. */
export function lifeOf(row: LifeRow, history: History = { replays: [], edited: false }): Life {
  return {
    ...history,
    state: row.state,
    owner: row.owner,
    token: row.token,
    attempt: row.attempt,
    recovered: row.recovered === 1,
    round: row.round,
    stored: row.stored === 1,
    fingerprint: row.fingerprint ?? undefined,
    letter: row.letter,
    noteOwner: row.note_owner ?? undefined,
    noteDueAt: row.note_due_at ?? undefined,
    noteTries: row.note_tries,
    replayId: row.replay_id ?? undefined,
    replay: row.replay === 1,
    bornAt: row.born_at,
    changedAt: row.changed_at,
    leaseUntil: row.lease_until ?? undefined,
    dueAt: row.due_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    error: row.error === null ? undefined : JSON.parse(row.error),
    // Nearly always.
    attempts: row.attempts === "[]" ? [] : JSON.parse(row.attempts),
  };
}

/**
 * The values of the columns that every write sets, in their order. `handedTo`: the `claimDue` that hands the operation out in this write, or
 * did before and still holds it.
 */
export function valuesOf(life: Life, handedTo: string | null): unknown[] {
  const held = handedTo !== null && life.state === "running" && life.owner === handedTo;
  return [
    life.state,
    life.owner,
    life.token,
    life.attempt,
    life.recovered ? 1 : 0,
    life.round,
    life.stored ? 1 : 0,
    life.fingerprint ?? null,
    life.letter,
    life.noteOwner ?? null,
    whole(life.noteDueAt),
    life.noteTries,
    life.replayId ?? null,
    life.replay ? 1 : 0,
    life.bornAt,
    life.changedAt,
    whole(life.leaseUntil),
    whole(life.dueAt),
    whole(life.expiresAt),
    held ? handedTo : null,
    life.error === undefined ? null : JSON.stringify(life.error),
    attemptsText(life),
    whole(runnableAt(life)),
    whole(noteAt(life)),
  ];
}

export function attemptsText({ attempts }: Pick<Life, "attempts">): string {
  return attempts.length === 0 ? "[]" : JSON.stringify(attempts);
}

/** Delays may be fractions of a millisecond; a lease or a delay never ends early. */
export function whole(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.ceil(ms);
}

export function idOf(row: Pick<LifeRow, "scope" | "tenant" | "key">): OperationId {
  const { scope, tenant, key } = row;
  return tenant === null ? { scope, key } : { scope, tenant, key };
}

/** Bytes for a statement, which takes a zero-length view for NULL: `stored` and `result_kept` tell the two apart. */
export function blob(bytes: Uint8Array | null | undefined): Buffer | null {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : null;
}

/** Plain bytes: a `Buffer` would show through in what callers compare and serialise. */
export function bytes(column: Uint8Array | null): Uint8Array {
  return column === null
    ? new Uint8Array(0)
    : new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
