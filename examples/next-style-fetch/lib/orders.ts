/** The app's own work, in a file of its own. */
import { randomUUID } from "node:crypto";
import Database from "better-sqlite3";

export interface Order {
  id: string;
  customer: string;
  sku: string;
  /** How many of them. */
  quantity: number;
}

const db = new Database(process.env.ORDERS_DB ?? "orders.db");
db.pragma("journal_mode = WAL");
db.exec(
  "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT, sku TEXT, quantity INTEGER) STRICT",
);
const insert = db.prepare("INSERT INTO orders VALUES (@id, @customer, @sku, 1)");
const add = db.prepare("UPDATE orders SET quantity = quantity + ? WHERE id = ? AND customer = ?");
const select = db.prepare<[string, string], Order>("SELECT * FROM orders WHERE id = ? AND customer = ?");

export function createOrder(customer: string, sku: string): Order {
  const id = randomUUID();
  insert.run({ id, customer, sku });
  return { id, customer, sku, quantity: 1 };
}

/** Twice is twice as many: nothing here would notice a retry. */
export function addToOrder(customer: string, id: string, quantity: number): Order | undefined {
  add.run(quantity, id, customer);
  return orderOf(customer, id);
}

export function orderOf(customer: string, id: string): Order | undefined {
  return select.get(id, customer);
}
