/** Guards for tests, without any framework: small requests, routes that are ended by hand, and everything closed at the end. */
import {
  type Admission,
  createGuard,
  type Guard,
  type GuardedRun,
  type GuardOptions,
  type HttpResponse,
  type IdempotencyEvents,
  type IdempotencyStore,
  memoryStore,
} from "@hooklatch/core";
import { afterEach } from "vitest";
import { utf8 } from "./outcome.js";
import { request } from "./receiving.js";

const open: Guard[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((guard) => guard.close({ drainMs: 0 })));
});

/** Each event that was heard, in its order. */
type Heard = { name: keyof IdempotencyEvents; event: Record<string, unknown> }[];

export interface Guarded extends Guard {
  store: IdempotencyStore;
  heard: Heard;
  /** The names of what was heard. */
  names(): string[];
  /** Claims a key, as an adapter does. */
  ask(key: string, body?: string): Promise<Admission>;
  /** Claims a key that is free. */
  run(key: string, body?: string): Promise<GuardedRun>;
  /** Claims a key that is not: the answer. */
  answer(key: string, body?: string): Promise<HttpResponse>;
  state(key: string): Promise<string | undefined>;
}

const NAMES: (keyof IdempotencyEvents)[] = [
  "claimed",
  "replayed",
  "released",
  "completed",
  "resultNotKept",
  "leaseLost",
  "storeError",
  "rejected",
];

export function guarding(options: Partial<GuardOptions> = {}): Guarded {
  const store = options.store ?? memoryStore();
  const heard: Heard = [];
  const listen = (name: keyof IdempotencyEvents) => (event: unknown) =>
    heard.push({ name, event: event as Record<string, unknown> });
  const on = Object.fromEntries(NAMES.map((name) => [name, listen(name)]));
  const guard = createGuard({
    scope: "orders",
    tenant: false,
    ...options,
    store,
    on: { ...on, ...options.on },
  });
  open.push(guard);
  const ask = (key: string, body = "{}"): Promise<Admission> => {
    const asked = request({ url: "/orders", headers: { "idempotency-key": key }, body });
    const entry = guard.enter(asked.method, asked.headers);
    if (entry.kind !== "claim") throw new Error(`The guard does not want this key: ${entry.kind}`);
    return guard.claim(entry.key, asked);
  };
  return {
    ...guard,
    store,
    heard,
    names: () => heard.map(({ name }) => name),
    ask,
    async run(key, body) {
      const admission = await ask(key, body);
      if (admission.kind === "run") return admission.run;
      throw new Error(`The key is not free: ${admission.response.status}`);
    },
    async answer(key, body) {
      const admission = await ask(key, body);
      if (admission.kind === "answer") return admission.response;
      throw new Error("The key is free.");
    },
    state: async (key) => (await store.get({ scope: options.scope ?? "orders", key }))?.state,
  };
}

export const ok = (text = "made", status = 201): HttpResponse => ({
  status,
  headers: { "content-type": "text/plain", "set-cookie": "a=1", "x-a": "1" },
  body: utf8(text),
});
