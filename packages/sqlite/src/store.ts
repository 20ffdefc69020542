/** `sqliteStore`: the transitions of `@hooklatch/core/life` inside SQLite transactions. */
import {
  type Claim,
  type ClaimRequest,
  HooklatchError,
  type IdempotencyStore,
  type OperationId,
  type OperationRecord,
  type Scheduled,
  storageKey,
} from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import type { SqliteDatabase } from "./database.js";
import { describe } from "./describe.js";
import { dueWorkOf } from "./due-work.js";
import { createConnection } from "./group-commit.js";
import { openDatabase } from "./open.js";
import { bytes, type History, historyIn, idOf, type LifeRow, lifeOf } from "./operation-row.js";
import { keptResult, operationsOf, type WholeRow } from "./operations.js";
import { resolveStoreOptions, type SqliteOptions } from "./options.js";
import { upkeepOf } from "./upkeep.js";

/**
 * A store in a SQLite file, for one host and any number of its processes. What it confirmed survives the process, the operating system and
 * a power loss, on a local disk that keeps what it synced.
 *
 * While another connection holds the file's lock, its verbs wait without blocking the event loop, then reject with `store_busy`. When
 * SQLite cannot write (disk full, read-only, I/O error) they reject with `store_unavailable`; later calls work again once it can.
 *
 * @param pathOrDatabase a path, opened and closed here, in a directory that exists; or a better-sqlite3 database of your own, set to WAL
 *   and `synchronous=FULL`, which stays yours to close. `":memory:"` works, and survives nothing.
 * @throws {HooklatchError} `invalid_option`, `store_not_durable`, `store_version_unsupported`, `store_busy`, `store_unavailable`,
 *   `schema_newer`
 *
 * @example const store = sqliteStore("events.db");
 */
export function sqliteStore(
  pathOrDatabase: string | SqliteDatabase,
  options: SqliteOptions = {},
): IdempotencyStore {
  const { busyTimeoutMs, now } = resolveStoreOptions(options);
  const opened = openDatabase(pathOrDatabase, "operations", "sqliteStore");
  const connection = createConnection(opened, busyTimeoutMs);
  const operations = operationsOf(opened.db);
  const dueWork = dueWorkOf(opened.db, operations);
  const upkeep = upkeepOf(opened.db, connection, now);

  type Transition<T> = (found: life.Life | undefined, now: number) => life.Step<T>;

  /** One transition: read, decide, write. To be called inside a transaction. */
  function move<T>(
    name: Buffer,
    id: OperationId,
    transition: Transition<T>,
    history?: (row: LifeRow) => History,
  ): [T, LifeRow | undefined] {
    const row = operations.find(name);
    const step = transition(row && lifeOf(row, history?.(row)), now());
    if (row === undefined) operations.insert(name, id, step);
    else operations.update(row, step);
    return [step.answer, row];
  }

  async function change<T>(
    id: OperationId,
    transition: Transition<T>,
    payload?: Uint8Array | null,
  ): Promise<T> {
    const name = nameOf(id);
    return connection.write(() => move(name, id, transition)[0], payload?.byteLength);
  }

  /** What can be answered without a write is answered by a read: a duplicate takes no lock and no `fsync`. */
  function answerFromRead(name: Buffer, r: ClaimRequest): Claim | undefined {
    const row = operations.find(name);
    if (row === undefined) return undefined;
    const step = life.claim(lifeOf(row), r, now());
    if (step.next !== undefined) return undefined;
    if (step.answer.status !== "completed") return step.answer;
    const result = operations.resultOf(row);
    return result === undefined ? undefined : { status: "completed", result };
  }

  return {
    survives: opened.db.memory ? "process" : "disk",

    async claim(r) {
      const name = nameOf(r.id);
      const known = await connection.read(() => answerFromRead(name, r));
      if (known !== undefined) return known;
      return connection.write((): Claim => {
        const [answer, row] = move(name, r.id, (found, at) => life.claim(found, r, at));
        if (answer.status !== "completed") return answer;
        return { status: "completed", result: (row && operations.resultOf(row)) ?? null };
      }, r.event?.byteLength);
    },
    extend: (r) => change(r.id, (found, at) => life.extend(found, r, at)),
    complete: (r) => change(r.id, (found, at) => life.complete(found, r, at), r.result),
    retry: (r) => change(r.id, (found, at) => life.retry(found, r, at)),
    fail: (r) => change(r.id, (found, at) => life.fail(found, r, at)),
    settle: (r) => change(r.id, (found) => life.settle(found, r)),
    release: (r) => change(r.id, (found, at) => life.release(found, r, at)),
    async schedule(r) {
      const name = nameOf(r.id);
      const size = (r.event?.byteLength ?? 0) + (r.originalEvent?.byteLength ?? 0);
      const step: Transition<Scheduled> = (found, at) => life.schedule(found, r, at);
      return connection.write(() => move(name, r.id, step, operations.historyOf)[0], size);
    },

    async claimDue(r) {
      const any = await connection.read(() => dueWork.any(r, now()));
      return any ? connection.write(() => dueWork.handOut(r, now())) : [];
    },

    async get(id) {
      const name = nameOf(id);
      return connection.read(() => {
        const row = operations.whole(name);
        if (row === undefined) return undefined;
        const found = lifeOf(row, historyIn(row));
        return life.isExpired(found, now()) ? undefined : recordOf(row, found);
      });
    },

    async delete(id, onlyDeadToken) {
      const name = nameOf(id);
      return connection.write(() => operations.remove(name, onlyDeadToken));
    },

    stats: (scope) => upkeep.stats(scope),
    scopes: () => upkeep.scopes(),
    describe: () => connection.read(() => describe(opened.db)),

    async purge({ limit }) {
      if (!Number.isInteger(limit) || limit < 1) {
        throw new HooklatchError("invalid_argument", "`limit` must be a whole number from 1.");
      }
      return upkeep.purge(limit);
    },

    close: () => connection.close(),
  };
}

/** Before anything is queued, so that a key that cannot be named concerns only its caller. */
function nameOf(id: OperationId): Buffer {
  return Buffer.from(storageKey(id), "hex");
}

function recordOf(row: WholeRow, found: life.Life): OperationRecord {
  return {
    ...life.recordOf(idOf(row), found),
    ...(found.stored ? { event: bytes(row.event) } : {}),
    ...(found.state === "completed" ? { result: keptResult(row) } : {}),
    ...(found.edited ? { originalEvent: bytes(row.original) } : {}),
  };
}
