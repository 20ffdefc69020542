/** The engine behind both ways to use it, without a framework around it: asked for each request what an adapter asks. */
import { createGuard, createReceiver, type HttpRequest, type IdempotencyStore } from "@hooklatch/core";

export const ENGINES = ["withIdempotency", "idempotency"] as const;
export type EngineName = (typeof ENGINES)[number];

export interface Engine {
  /** One request with this `Idempotency-Key`. Rejects when its answer is not the route's. */
  send(key: string): Promise<void>;
  /** How often the route ran: what tells a new request from a duplicate. */
  readonly runs: number;
  close(): Promise<void>;
}

/** What fills a body to 1 KiB. */
const ITEMS = "x".repeat(980);
const DETAILS = "d".repeat(960);
const encoder = new TextEncoder();

/** As an adapter makes it of a framework's request. */
export function requestOf(key: string): HttpRequest {
  const headers = Object.assign(Object.create(null) as Record<string, string>, {
    host: "127.0.0.1",
    "content-type": "application/json",
    "content-length": "1024",
    "idempotency-key": key,
  });
  const body = Buffer.from(`{"id":"${key}","items":"${ITEMS}"}`);
  return { method: "POST", url: "/orders", basePath: "", headers, body };
}

const OPENERS: Readonly<Record<EngineName, (store: IdempotencyStore) => Engine>> = {
  withIdempotency(store) {
    let runs = 0;
    const receiver = createReceiver(
      (event) => {
        runs++;
        return { status: "paid", order: event.json<{ id: string }>().id, details: DETAILS };
      },
      // Its polls would be counted among what the requests cost.
      { store, scope: "costs", worker: false },
    );
    return {
      async send(key) {
        const { status } = await receiver.handle(requestOf(key));
        expectOk(status);
      },
      get runs() {
        return runs;
      },
      close: () => receiver.close({ drainMs: 0 }),
    };
  },

  idempotency(store) {
    let runs = 0;
    const guard = createGuard({ store, scope: "costs", tenant: false });
    return {
      async send(key) {
        const request = requestOf(key);
        const entry = guard.enter(request.method, request.headers);
        if (entry.kind !== "claim") throw new Error("The request is not guarded.");
        const admission = await guard.claim(entry.key, request);
        if (admission.kind === "answer") return expectOk(admission.response.status);
        runs++;
        const body = encoder.encode(`{"status":"paid","order":"${key}","details":"${DETAILS}"}`);
        const headers = { "content-type": "application/json" };
        const instead = await admission.run.finish({ status: 200, headers, body });
        expectOk(instead?.status ?? 200);
      },
      get runs() {
        return runs;
      },
      close: () => guard.close({ drainMs: 0 }),
    };
  },
};

export function engineOn(name: EngineName, store: IdempotencyStore): Engine {
  return OPENERS[name](store);
}

function expectOk(status: number): void {
  if (status !== 200) throw new Error(`A request was answered ${status}.`);
}
