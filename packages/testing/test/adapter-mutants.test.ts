/** The suite is only as good as what it rejects: each broken adapter must fail a case that is named beforehand. */
import { describe, expect, it } from "vitest";
import { adapterContract } from "../src/index.js";
import { adapterMutants } from "./adapter-mutants.js";
import { guardedFetch } from "./guarded-fetch.js";

describe("an adapter that is not broken", () => {
  for (const { name, run } of adapterContract(guardedFetch())) it.concurrent(name, run);
});

describe("an adapter fails where", () => {
  for (const { flaw, caughtBy, parts } of adapterMutants) {
    it.concurrent(`${flaw}`, async () => {
      const cases = adapterContract(guardedFetch(parts())).filter(({ name }) => name.startsWith(caughtBy));
      expect(cases, "one case has this name").toHaveLength(1);
      await expect(cases[0]?.run(), `this case passed: ${cases[0]?.name}`).rejects.toThrow();
    });
  }
});

describe("the list of cases", () => {
  it("leaves out what a harness says does not apply", () => {
    const harness = guardedFetch();
    const names = adapterContract(harness).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const fewer = adapterContract({ ...harness, without: ["stream: ", "replay: 205"] });
    const left = (name: string): boolean => !name.startsWith("stream: ") && name !== "replay: 205";
    expect(fewer.map(({ name }) => name)).toEqual(names.filter(left));
  });
});
