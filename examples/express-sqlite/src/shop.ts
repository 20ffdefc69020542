/** The app's own work: orders in a SQLite file of the app's own. */
import { type HandlerContext, NonRetryableError } from "@hooklatch/core";
import Database from "better-sqlite3";

export interface Order {
  id: string;
  sku: string;
  amount: number;
  /** What the customer wrote. */
  note?: string | undefined;
}

export interface Shop {
  fulfil(order: Order, context: HandlerContext): Promise<void>;
  close(): void;
}

/** @throws {NonRetryableError} when it is no order: another attempt could not help */
export function orderFrom(data: unknown): Order {
  const { id, sku, amount, note } = (data ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || typeof sku !== "string") {
    throw new NonRetryableError("An order needs an `id` and a `sku`.");
  }
  return {
    id,
    sku,
    amount: typeof amount === "number" ? amount : 0,
    note: typeof note === "string" ? note : undefined,
  };
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS products (sku TEXT PRIMARY KEY) STRICT;
  INSERT OR IGNORE INTO products VALUES ('mug'), ('shirt');
  CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, sku TEXT NOT NULL, amount INTEGER NOT NULL) STRICT;
  -- A row for each time that an event had its effect, so that it can be counted.
  CREATE TABLE IF NOT EXISTS effects (
    event TEXT NOT NULL, order_id TEXT NOT NULL, attempt INTEGER NOT NULL, at TEXT NOT NULL
  ) STRICT;
`;

/** @param synchronous what SQLite waits for; anything but `FULL` may lose an order whose event is completed, if the power fails */
export function openShop(path: string, synchronous = "FULL"): Shop {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${synchronous}`);
  db.exec(SCHEMA);
  const product = db.prepare("SELECT 1 FROM products WHERE sku = ?");
  // Keyed by the order: a second run, after a crash between this and the answer, changes nothing.
  const saveOrder = db.prepare(
    "INSERT INTO orders VALUES (@id, @sku, @amount) ON CONFLICT (id) DO UPDATE SET sku = @sku, amount = @amount",
  );
  const countEffect = db.prepare("INSERT INTO effects VALUES (?, ?, ?, ?)");
  const save = db.transaction(({ id, sku, amount }: Order, { key, attempt }: HandlerContext) => {
    if (product.get(sku) === undefined) throw new Error(`There is no product "${sku}".`);
    saveOrder.run({ id, sku, amount });
    countEffect.run(key, id, attempt, new Date().toISOString());
  });
  return {
    async fulfil(order, context) {
      save.immediate(order, context);
    },
    close() {
      db.close();
    },
  };
}

/** What an operator does about "There is no product". */
export function addProduct(path: string, sku: string): void {
  const db = new Database(path);
  db.exec(SCHEMA);
  db.prepare("INSERT OR IGNORE INTO products VALUES (?)").run(sku);
  db.close();
}
