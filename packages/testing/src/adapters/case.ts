/** What the body of a case works with: apps of its own, a store of its own, and a guarded route. It leaves nothing open. */
import { randomUUID } from "node:crypto";
import type { CloseOptions, GuardOptions } from "@hooklatch/core";
import type { ContractCase } from "../harness.js";
import { type CaseStore, caseStore } from "./case-store.js";
import { conversation, type Exchange, exchange, type Outgoing } from "./client.js";
import { deferred } from "./deferred.js";
import type { AdapterHarness, AppSpec, RequestHead, Route, RunningApp } from "./harness.js";
import type { Reply } from "./reply.js";

export interface AdapterCase {
  readonly store: CaseStore;
  /** Where the routes of an app are mounted. */
  readonly basePath: string;
  /** Starts an app; the case closes it at its end. */
  serve(spec: AppSpec): Promise<App>;
  /** An app whose `/orders` is guarded, with the case's store. */
  orders(route: Route, options?: Partial<GuardOptions<RequestHead>>): Promise<Orders>;
}

export type AdapterCases = Record<string, (t: AdapterCase) => Promise<void>>;

interface App {
  /** Sends a request to a path below the base path. */
  open(path: string, outgoing?: Outgoing): Exchange;
  /** Sends requests one after the other, on one connection. */
  converse(requests: readonly (Outgoing & { path: string })[]): Promise<Reply[]>;
  drain(options?: CloseOptions): Promise<void>;
}

export interface OrderRequest extends Outgoing {
  /** `Idempotency-Key`, as it goes over the wire. */
  key?: string | undefined;
  /** Default: `/orders`. */
  path?: string | undefined;
}

export interface Orders extends App {
  /** How often the route was started. */
  readonly runs: number;
  /** Resolves when the route was started this many times in all. */
  started(times: number): Promise<void>;
  /** Sends a request to the guarded route, and waits for the response. */
  send(request: OrderRequest): Promise<Reply>;
  /** Sends a request to the guarded route. */
  begin(request: OrderRequest): Exchange;
}

/** A key that no other case has. */
export function newKey(): string {
  return randomUUID();
}

const LONGEST_CASE_MS = 10_000;

export const OPTIONS = { scope: "orders", tenant: false } as const;

export function adapterCase(
  harness: AdapterHarness,
  name: string,
  body: (t: AdapterCase) => Promise<void>,
): ContractCase {
  const { basePath } = harness;
  async function run(): Promise<void> {
    const store = caseStore();
    const running: RunningApp[] = [];

    async function serve(spec: AppSpec): Promise<App> {
      const app = await harness.serve(spec);
      running.push(app);
      return {
        open: (path, outgoing = {}) => exchange(app.url + basePath + path, outgoing),
        converse: (requests) =>
          conversation(requests.map((outgoing) => ({ url: app.url + basePath + outgoing.path, outgoing }))),
        drain: (options) => app.drain(options),
      };
    }
    async function orders(route: Route, options: Partial<GuardOptions<RequestHead>> = {}): Promise<Orders> {
      const counted = counting(route);
      const guarded = { options: { store, ...OPTIONS, ...options }, routes: { "/orders": counted.route } };
      const app = await serve({ guarded: [guarded] });
      const begin = ({ key, path = "/orders", headers = [], ...outgoing }: OrderRequest): Exchange => {
        const keyed = key === undefined ? headers : [...headers, ["Idempotency-Key", key] as const];
        return app.open(path, { ...outgoing, headers: keyed });
      };
      return {
        ...app,
        get runs() {
          return counted.runs();
        },
        started: counted.started,
        begin,
        send: (request) => begin(request).reply,
      };
    }
    try {
      await inTime(body({ store, basePath, serve, orders }));
    } finally {
      await Promise.all(running.map((app) => app.drain({ drainMs: 0 })));
      await Promise.all(running.map((app) => app.close()));
    }
  }
  return { name, run };
}

/** What a broken adapter never does must fail its case, not hang it. */
async function inTime(work: Promise<void>): Promise<void> {
  const late = deferred<never>();
  const patience = setTimeout(() => {
    late.reject(new Error(`What this case waits for did not happen within ${LONGEST_CASE_MS} ms.`));
  }, LONGEST_CASE_MS);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(patience);
  }
}

function counting(route: Route) {
  const starts: ReturnType<typeof deferred<void>>[] = [];
  let runs = 0;
  const nth = (n: number) => {
    starts[n] ??= deferred<void>();
    return starts[n];
  };
  return {
    route: ((call) => {
      nth(++runs).resolve();
      return route(call);
    }) satisfies Route,
    runs: () => runs,
    started: (times: number): Promise<void> => nth(times).promise,
  };
}
