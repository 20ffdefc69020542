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
import { firstCompletionOf } from "./first-completion.js";
import { createConnection } from "./group-commit.js";
import { openDatabase } from "./open.js";
import { bytes, type History, historyIn, idOf, type LifeRow, lifeOf } from "./operation-row.js";
import { keptResult, operationsOf, type WholeRow } from "./operations.js";
import { resolveStoreOptions, type SqliteStoreOptions } from "./options.js";
import { threadStore } from "./thread-store.js";
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
  options: SqliteStoreOptions = {},
): IdempotencyStore {
  const { busyTimeoutMs, now, thread } = resolveStoreOptions(pathOrDatabase, options);
  if (thread) return threadStore({ path: pathOrDatabase as string, busyTimeoutMs });
  const opened = openDatabase(pathOrDatabase, "operations", "sqliteStore");
  const connection = createConnection(opened, busyTimeoutMs);
  const operations = operationsOf(opened.db);
  const completeFirst = firstCompletionOf(opened.db);
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

  async function change<T>(id: OperationId, transition: Transition<T>): Promise<T> {
    const name = nameOf(id);
    return connection.write(() => move(name, id, transition)[0]);
  }

  /**
   * What can be answered without a write is answered by a read: a duplicate takes no lock and no `fsync`. `absent`, `changes`: it needs one.
   */
  function answerFromRead(name: Buffer, r: ClaimRequest): Claim | "absent" | "changes" {
    const row = operations.find(name);
    if (row === undefined) return "absent";
    const step = life.claim(lifeOf(row, operations.historyOf(row)), r, now());
    if (step.next !== undefined) return "changes";
    if (step.answer.status !== "completed") return step.answer;
    const result = operations.resultOf(row);
    return result === undefined ? "changes" : { status: "completed", result };
  }

  /** A new operation, unless it came to be since it was found absent. To be called inside a transaction. */
  function claimNew(name: Buffer, r: ClaimRequest): Claim | undefined {
    const step = life.claim(undefined, r, now());
    const inserted = step.answer.status === "claimed" && operations.insert(name, r.id, step);
    return inserted ? (step.answer as Claim) : undefined;
  }

  function claimFound(name: Buffer, r: ClaimRequest): Claim {
    const step: Transition<life.ClaimAnswer> = (found, at) => life.claim(found, r, at);
    const [answer, row] = move(name, r.id, step, operations.historyOf);
    if (answer.status !== "completed") return answer;
    return { status: "completed", result: (row && operations.resultOf(row)) ?? null };
  }

  return {
    survives: opened.db.memory ? "process" : "disk",

    async claim(r) {
      const name = nameOf(r.id);
      const known = await connection.read(() => answerFromRead(name, r));
      if (typeof known === "object") return known;
      const claim = () => (known === "absent" ? claimNew(name, r) : undefined) ?? claimFound(name, r);
      return connection.write(claim, r.event?.byteLength);
    },
    extend: (r) => change(r.id, (found, at) => life.extend(found, r, at)),
    async complete(r) {
      const name = nameOf(r.id);
      const step: Transition<boolean> = (found, at) => life.complete(found, r, at);
      const complete = () => completeFirst(name, r, now()) || move(name, r.id, step)[0];
      return connection.write(complete, r.result?.byteLength);
    },
    retry: (r) => change(r.id, (found, at) => life.retry(found, r, at)),
    fail: (r) => change(r.id, (found, at) => life.fail(found, r, at)),
    settle: (r) => change(r.id, (found) => life.settle(found, r)),
    discard: (r) => change(r.id, (found, at) => life.discard(found, r, at)),
    outrank: (r) => change(r.id, (found) => life.outrank(found, r)),
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

    async delete(id) {
      const name = nameOf(id);
      return connection.write(() => operations.remove(name));
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
