/**
 * The load: a process with many connections of which each has one request on its way. It writes prepared bytes and looks at no more of an
 * answer than it must, so that it is never what the apps wait for: generators that build a request anew each time take more of the two
 * cores than the app does.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { quantile } from "../figures.js";
import { BODY_BYTES, KEY_LENGTH, PATH } from "./task.js";

export const WORKLOADS = ["new", "duplicate", "mixed"] as const;
/** `mixed`: nine of ten are new. */
export type Workload = (typeof WORKLOADS)[number];

export interface Order {
  port: number;
  workload: Workload | "burst";
  requests: number;
  connections: number;
  /** Bytes of a request's body. Default: 1 KiB. */
  bodyBytes?: number;
  /** Keys that were used before, for duplicates. `new` gives them. */
  known: string[];
}

export interface Load {
  seconds: number;
  /** How many answers had each status. */
  statuses: Record<string, number>;
  p50Ms: number;
  p99Ms: number;
  /** Some of the keys that were new. */
  keys: string[];
}

const KEPT_KEYS = 512;
const run = randomBytes(6).toString("hex");
let counter = 0;

function newKey(): string {
  return `${run}-${(++counter).toString(36).padStart(KEY_LENGTH - run.length - 1, "0")}`;
}

/** A request, with the places of its key. */
function requestOf(bodyBytes: number): { bytes: Buffer; places: number[] } {
  const key = "k".repeat(KEY_LENGTH);
  const open = `{"id":"${key}","items":"`;
  const body = `${open}${"x".repeat(bodyBytes - open.length - 2)}"}`;
  const head = [
    `POST ${PATH} HTTP/1.1`,
    "host: 127.0.0.1",
    "content-type: application/json",
    `idempotency-key: ${key}`,
    `content-length: ${body.length}`,
  ].join("\r\n");
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
  return { bytes, places: [bytes.indexOf(key), bytes.lastIndexOf(key)] };
}

async function load({
  port,
  workload,
  requests,
  connections,
  known,
  bodyBytes = BODY_BYTES,
}: Order): Promise<Load> {
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  const keys: string[] = [];
  let left = requests;
  let asked = 0;

  function nextKey(): string {
    const n = asked++;
    if (workload === "duplicate" || (workload === "mixed" && n % 10 === 9))
      return known[n % known.length] as string;
    // All connections ask for the same one at once, one after the other.
    if (workload === "burst" && n % connections !== 0) return keys[Math.floor(n / connections)] as string;
    const key = newKey();
    if (keys.length < KEPT_KEYS) keys.push(key);
    return key;
  }

  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(port)));
  const from = performance.now();
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          const { bytes, places } = requestOf(bodyBytes);
          let sentAt = 0;
          let pending: Buffer | undefined;
          function next(): void {
            if (left === 0) {
              socket.off("close", onClose).destroy();
              resolve();
              return;
            }
            left--;
            const key = nextKey();
            for (const place of places) bytes.write(key, place, "latin1");
            sentAt = performance.now();
            socket.write(bytes);
          }
          function onClose(): void {
            reject(new Error("The app has closed a connection."));
          }
          socket.on("close", onClose);
          socket.on("data", (chunk) => {
            pending = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
            if (!isWhole(pending)) return;
            const status = pending.toString("latin1", 9, 12);
            statuses[status] = (statuses[status] ?? 0) + 1;
            latencies.push(performance.now() - sentAt);
            pending = undefined;
            next();
          });
          next();
        }),
    ),
  );
  const seconds = (performance.now() - from) / 1000;
  return { seconds, statuses, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), keys };
}

function isWhole(bytes: Buffer): boolean {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const at = head.indexOf("content-length:");
  if (at >= 0) return bytes.byteLength >= headEnd + 4 + Number.parseInt(head.slice(at + 15), 10);
  if (head.includes("transfer-encoding: chunked")) return bytes.subarray(-5).equals(LAST_CHUNK);
  throw new Error(`An answer without a length: ${head}`);
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

process.on("message", (order: Order) => {
  load(order).then(
    (result) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.on("disconnect", () => process.exit(0));
