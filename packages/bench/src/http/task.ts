/** What every contender serves: a route that takes an order of 1 KiB and answers with a receipt of 1 KiB. */
import { createHash } from "node:crypto";

export const FRAMEWORKS = ["express", "fastify", "hono"] as const;
export type Framework = (typeof FRAMEWORKS)[number];
export const STORES = ["memory", "sqlite", "redis"] as const;
export type StoreKind = (typeof STORES)[number];

export interface Order {
  id: string;
  items: string;
}

export interface Receipt {
  status: "paid";
  order: string;
  details: string;
}

export interface Task {
  framework: Framework;
  store: StoreKind;
  /** A URL of Redis, or the path of a SQLite file. */
  address: string;
  /** The route's own work. Each call is counted. */
  execute: (order: Order) => Receipt;
}

export interface Serving {
  port: number;
  close(): Promise<void>;
}

/** Builds and starts the whole app. */
export type Contender = (task: Task) => Promise<Serving>;

export const PATH = "/orders";
export const KEY_LENGTH = 24;
/** Of an order, as JSON. */
export const BODY_BYTES = 1024;
/** A moment's work of a small route: the answer is 1 KiB. */
const DETAILS = createHash("sha512").update("details").digest("hex").repeat(8).slice(0, 960);

export function receiptFor({ id }: Order): Receipt {
  return { status: "paid", order: id, details: DETAILS };
}
