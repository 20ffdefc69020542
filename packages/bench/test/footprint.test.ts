/** What the engine leaves to the garbage collector and to the host's timers. The bounds are half as much again as what was measured. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeBundle } from "../src/bundle.js";
import type { EngineName } from "../src/costs/engines.js";
import { footprints, HEAP_VARIES_BY } from "../src/costs/footprints.js";
import type { Footprint } from "../src/costs/program.js";

interface Case {
  engine: EngineName;
  duplicate: boolean;
  /** Of the JavaScript heap for each request, with bodies of 1 KiB. */
  atMost: number;
}

const CASES: readonly Case[] = [
  { engine: "withIdempotency", duplicate: false, atMost: 31_000 },
  { engine: "withIdempotency", duplicate: true, atMost: 11_500 },
  { engine: "idempotency", duplicate: false, atMost: 23_500 },
  { engine: "idempotency", duplicate: true, atMost: 9_500 },
];
/** For all requests together, since they share what they need. */
const TIMERS = 5;

let all: Footprint[];
beforeAll(async () => {
  all = await footprints({ operations: 1_000 }, "anywhere");
});

afterAll(removeBundle);

describe.each(CASES)("$engine, duplicate: $duplicate", ({ engine, duplicate, atMost }) => {
  const found = () => all.find((one) => one.engine === engine && one.duplicate === duplicate) as Footprint;

  it("allocates no more than it did", () => {
    expect(found().bytes).toBeLessThan(atMost);
    // Else nothing was counted.
    expect(found().bytes).toBeGreaterThan(1_000);
  });

  it("makes no timer of its own for each request", () => {
    expect(found().timers).toBeLessThanOrEqual(TIMERS);
  });

  it("leaves nothing behind", () => {
    expect(found().grownBytes).toBeLessThan(HEAP_VARIES_BY);
  });
});
