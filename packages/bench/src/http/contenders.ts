/** Who takes part, and where. */
import manifest from "../../package.json" with { type: "json" };
import { bare } from "./bare.js";
import { byHand } from "./by-hand.js";
import { floor } from "./floor.js";
import { guard, webhooks } from "./hooklatch.js";
import { expressIdempotency } from "./peers/express-idempotency.js";
import { nodeIdempotency } from "./peers/node-idempotency.js";
import { powertools } from "./peers/powertools.js";
import { type Contender, FRAMEWORKS, type Framework, STORES, type StoreKind } from "./task.js";

export interface Entry {
  /** As in the report. */
  title: string;
  contender: Contender;
  frameworks: readonly Framework[];
  stores: readonly StoreKind[];
  /** `base`: what all are measured against. `floor`: no contender. */
  role: "base" | "floor" | "hooklatch" | "peer";
  /** Of a library: exactly what is installed. */
  version?: string;
  /** What a reader must know beside its figures. */
  note?: string;
}

/** Other libraries are pinned to one version each. */
const pinned = manifest.devDependencies;
const everywhere = { frameworks: FRAMEWORKS, stores: STORES };

export const ENTRIES: Readonly<Record<string, Entry>> = {
  bare: { title: "the framework alone", contender: bare, ...everywhere, role: "base" },
  floor: { title: "raw store commands", contender: floor, ...everywhere, role: "floor" },
  webhooks: { title: "Hooklatch `withIdempotency`", contender: webhooks, ...everywhere, role: "hooklatch" },
  guard: { title: "Hooklatch `idempotency`", contender: guard, ...everywhere, role: "hooklatch" },
  "by-hand": {
    title: "the tutorial by hand",
    contender: byHand,
    frameworks: FRAMEWORKS,
    stores: ["redis"],
    role: "peer",
  },
  "node-idempotency": {
    title: "`@node-idempotency/core`",
    contender: nodeIdempotency,
    frameworks: ["express", "fastify"],
    stores: ["memory", "redis"],
    role: "peer",
    version: pinned["@node-idempotency/core"],
    note: "On its core, with a middleware of ours after its README: the registry this was measured with has neither of its plugins. A new operation's record is stored while the answer leaves on Express, before it on Fastify.",
  },
  "express-idempotency": {
    title: "`express-idempotency`",
    contender: expressIdempotency,
    frameworks: ["express"],
    stores: ["memory"],
    role: "peer",
    version: pinned["express-idempotency"],
    note: "With the store that it ships, which searches a list: a request costs more the more keys there are. To look and to claim are two steps: on a store that answers 1 ms later, copies ran.",
  },
  powertools: {
    title: "`@aws-lambda-powertools/idempotency`",
    contender: powertools,
    frameworks: FRAMEWORKS,
    stores: ["redis"],
    role: "peer",
    version: pinned["@aws-lambda-powertools/idempotency"],
    note: "Wrapped around the function, not the request: it does not compare bodies. It gets a time limit of 60 s per request, as in Lambda: without one, 2.35.0 lets a copy run beside the first.",
  },
};
