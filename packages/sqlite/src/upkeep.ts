/** What looks at all operations, a window of the table at a time, so that the event loop is never blocked for long: counts, scopes and purging. */
import type { OperationState, StoreStats } from "@hooklatch/core";
import { isExpired, type Life } from "@hooklatch/core/life";
import { prepare, type SqliteDatabase } from "./database.js";
import type { Connection } from "./group-commit.js";
import { TABLE } from "./operations.js";

/** What `isExpired` looks at. */
interface ExpiryColumns {
  state: OperationState;
  letter: Life["letter"];
  stored: number;
  lease_until: number | null;
  expires_at: number | null;
}

interface StatsRow extends ExpiryColumns {
  count: number;
  unsettled: number;
  oldest: number | null;
  last: number;
}

interface IdRow extends ExpiryColumns {
  id: number;
}

const STATS_WINDOW = 5_000;
const SCOPE_WINDOW = 500;
/** Looked at, and at most deleted in one transaction. */
const PURGE_WINDOW = 100;

export function upkeepOf(db: SqliteDatabase, connection: Connection, now: () => number) {
  const expiry = "state, letter, stored, lease_until, expires_at";
  // Groups whose records are all expired or all alive: which of the two, `isExpired` says. Only records without an event expire by
  // their lease, and only those are grouped by it.
  const statsWhere = (where: string) =>
    prepare(
      db,
      `SELECT state, letter, stored, MIN(lease_until) AS lease_until, MIN(expires_at) AS expires_at,
        COUNT(*) AS count, COUNT(note_at) AS unsettled, MIN(due_at) AS oldest, MAX(id) AS last
        FROM (SELECT id, ${expiry}, note_at, due_at FROM ${TABLE} WHERE ${where} ORDER BY id LIMIT ${STATS_WINDOW})
        GROUP BY state, letter, stored, expires_at <= @at, CASE WHEN stored = 0 THEN lease_until END`,
    );
  const statsOfAll = statsWhere("id > @from");
  const statsOfScope = statsWhere("scope = @scope AND id > @from");
  const window = prepare(
    db,
    `SELECT id, ${expiry} FROM ${TABLE} WHERE id > ? ORDER BY id LIMIT ${PURGE_WINDOW}`,
  );
  const byId = prepare(db, `SELECT ${expiry} FROM ${TABLE} WHERE id = ?`);
  const remove = prepare(db, `DELETE FROM ${TABLE} WHERE id = ?`);
  // From one scope to the next by the index, however many operations each has.
  const scopes = prepare(
    db,
    `WITH RECURSIVE scopes (scope) AS (
      SELECT MIN(scope) FROM ${TABLE} UNION ALL
      SELECT (SELECT MIN(scope) FROM ${TABLE} WHERE scope > scopes.scope) FROM scopes WHERE scopes.scope IS NOT NULL
    ) SELECT scope FROM scopes WHERE scope IS NOT NULL`,
  );
  const ofScope = prepare(
    db,
    `SELECT id, ${expiry} FROM ${TABLE} WHERE scope = ? AND id < ? ORDER BY id DESC LIMIT ${SCOPE_WINDOW}`,
  );
  let purgedUpTo = 0;

  /** Newest first, because these are likely to be alive: a scope that is in use is found at once. */
  async function hasAlive(scope: string): Promise<boolean> {
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const rows = await connection.read(() => ofScope.all(scope, before) as IdRow[]);
      const at = now();
      if (rows.some((row) => !isExpired(expiryOf(row), at))) return true;
      const last = rows[SCOPE_WINDOW - 1];
      if (last === undefined) return false;
      before = last.id;
      await nextTurn();
    }
  }

  /** Only if they are expired still: an owner may have renewed its lease, or somebody claimed it anew. */
  function removeExpired(found: readonly IdRow[]): number {
    const at = now();
    let removed = 0;
    for (const { id } of found) {
      const row = byId.get(id) as ExpiryColumns | undefined;
      if (row !== undefined && isExpired(expiryOf(row), at)) removed += remove.run(id).changes;
    }
    return removed;
  }

  return {
    async stats(scope: string | undefined): Promise<StoreStats> {
      const total: StoreStats = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
      const at = now();
      for (let from = 0, seen = STATS_WINDOW; seen === STATS_WINDOW; ) {
        const groups = await connection.read(() => {
          const rows =
            scope === undefined ? statsOfAll.all({ at, from }) : statsOfScope.all({ scope, at, from });
          return rows as StatsRow[];
        });
        seen = 0;
        for (const group of groups) {
          seen += group.count;
          from = Math.max(from, group.last);
          if (isExpired(expiryOf(group), at)) continue;
          total[group.state] += group.count;
          total.unsettled += group.unsettled;
          if (group.state === "waiting" && group.oldest !== null) {
            total.oldestWaitingAt = Math.min(total.oldestWaitingAt ?? group.oldest, group.oldest);
          }
        }
        if (seen === STATS_WINDOW) await nextTurn();
      }
      return total;
    },

    async scopes(): Promise<string[]> {
      const found = await connection.read(() => scopes.all() as { scope: string }[]);
      const alive: string[] = [];
      for (const { scope } of found) if (await hasAlive(scope)) alive.push(scope);
      return alive.sort();
    },

    async purge(limit: number): Promise<number> {
      let purged = 0;
      let turns = 0;
      // Goes on where the last call stopped, so that each call costs the same however much is kept.
      for (let left = limit * 10; left > 0 && purged < limit; ) {
        const rows = await connection.read(() => window.all(purgedUpTo) as IdRow[]);
        left -= Math.max(rows.length, 1);
        const at = now();
        const expired = rows.filter((row) => isExpired(expiryOf(row), at)).slice(0, limit - purged);
        if (expired.length > 0) purged += await connection.write(() => removeExpired(expired));
        const last = purged < limit ? rows[PURGE_WINDOW - 1] : expired.at(-1);
        purgedUpTo = last?.id ?? 0;
        // The end: once more from the beginning, then it is enough.
        if (last === undefined && ++turns > 1) break;
        await nextTurn();
      }
      return purged;
    },
  };
}

function expiryOf(row: ExpiryColumns): Life {
  const { state, letter, stored, lease_until, expires_at } = row;
  const looked = {
    state,
    letter,
    stored: stored === 1,
    leaseUntil: lease_until ?? undefined,
    expiresAt: expires_at ?? undefined,
  };
  // Nothing else of a life is looked at.
  return looked as Life;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
