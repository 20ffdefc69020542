import { describe, expect, test } from "vitest";
import { FILTER_NUMBERS, FILTER_TEXTS, type Filter } from "../../src/api.js";
import { conditions, fromLocal, lettersPath, readFilter, toLocal, without } from "../../ui/filter.js";
import { query } from "../../ui/query.js";

const EVERYTHING: Filter = {
  ...Object.fromEntries(FILTER_TEXTS.map((name) => [name, `${name} &=?#% 漢\u202e`])),
  ...Object.fromEntries(FILTER_NUMBERS.map((name, n) => [name, n])),
};

describe("the filter in the address", () => {
  test("comes back as it was, whatever is in it", () => {
    const path = lettersPath(EVERYTHING, "17");
    expect(readFilter(path.slice("/letters".length))).toEqual({ filter: EVERYTHING, cursor: "17" });
    expect([lettersPath({}), readFilter("")]).toEqual(["/letters", { filter: {}, cursor: undefined }]);
  });
  test("what makes no sense there is left out", () => {
    const wrong = "?scope=&minReplays=-1&maxReplays=x&diedFrom=Infinity&unknown=1&cursor=";
    expect(readFilter(wrong)).toEqual({ filter: {}, cursor: undefined });
  });
  test("empty and absent parameters are not in an address", () => {
    expect(query({ a: "", b: undefined, c: null })).toBe("");
    expect(query({ a: 0, b: false, c: "x y" })).toBe("?a=0&b=false&c=x+y");
  });
});

describe("its conditions", () => {
  test("are all told, harmless, and can be taken away one by one", () => {
    const all = conditions(EVERYTHING);
    expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(EVERYTHING).sort());
    for (const { words } of all) expect(words).not.toContain("\u202e");
    let left = EVERYTHING;
    for (const { name } of all) left = without(left, name);
    expect([left, conditions({})]).toEqual([{}, []]);
    expect(conditions({ scope: "shop", minReplays: 0 }).map(({ words }) => words)).toEqual([
      ...["Scope: shop", "Replays at least: 0"],
    ]);
  });
});

describe("a time in a field", () => {
  test("comes back to the minute", () => {
    const at = new Date(2025, 10, 3, 4, 5).getTime();
    expect(toLocal(at)).toBe("2025-11-03T04:05");
    expect(fromLocal(toLocal(at))).toBe(at);
  });
  test("one that is none is none", () => {
    expect([undefined, Number.NaN, 1e300].map(toLocal)).toEqual(["", "", ""]);
    expect(["", "x", "1960-01-01T00:00"].map(fromLocal)).toEqual([undefined, undefined, undefined]);
  });
});
