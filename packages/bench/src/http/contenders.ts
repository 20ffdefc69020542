/** Who takes part, and where. */
import { bare } from "./bare.js";
import { byHand } from "./by-hand.js";
import { floor } from "./floor.js";
import { guard, webhooks } from "./hooklatch.js";
import { type Contender, FRAMEWORKS, type Framework, STORES, type StoreKind } from "./task.js";

export interface Entry {
  /** As in the report. */
  title: string;
  contender: Contender;
  frameworks: readonly Framework[];
  stores: readonly StoreKind[];
  /** `base`: what all are measured against. `floor`: no contender. */
  role: "base" | "floor" | "hooklatch" | "peer";
}

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
};
