/** What happened to the shop, read from its file by a process that took no part in it. */
import Database from "better-sqlite3";

/** How often each order, by its id, had its effect. */
export function effectsIn(path: string): Map<string, number> {
  const db = new Database(path, { readonly: true });
  try {
    const query = "SELECT order_id, count(*) FROM effects GROUP BY order_id";
    return new Map(db.prepare<[], [string, number]>(query).raw().all());
  } finally {
    db.close();
  }
}
