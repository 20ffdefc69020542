import { jsonCodec } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { codeOf, utf8 } from "./support/outcome.js";

const codec = jsonCodec<unknown, unknown>();

describe("the JSON codec", () => {
  test.each<[unknown]>([
    [null],
    [0],
    [""],
    ["é\u{1F600}"],
    [[]],
    [{}],
    [{ a: [1, "2", false, null] }],
    [false],
  ])("%j comes back", (value) => {
    expect(codec.decodeInput(codec.encodeInput(value))).toEqual(value);
    expect(codec.decodeOutput(codec.encodeOutput(value))).toEqual(value);
  });

  test("undefined is no bytes at all, and comes back as undefined", () => {
    expect(codec.encodeOutput(undefined)).toHaveLength(0);
    expect(codec.decodeOutput(new Uint8Array(0))).toBeUndefined();
    expect(codec.decodeInput(codec.encodeInput(undefined))).toBeUndefined();
  });

  const circular: unknown[] = [];
  circular.push(circular);
  test.each<[string, unknown]>([
    ["a circular value", circular],
    ["a BigInt", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["NaN", Number.NaN],
    ["a Map in a list", [new Map()]],
    ["a Set", new Set()],
  ])("%s is refused rather than changed", (_, value) => {
    expect(codeOf(() => codec.encodeInput(value))).toBe("not_encodable");
    expect(codeOf(() => codec.encodeOutput(value))).toBe("not_encodable");
  });

  test.each(["{", "nope", "\0"])("bytes %j are event_undecodable", (text) => {
    expect(codeOf(() => codec.decodeInput(utf8(text)))).toBe("event_undecodable");
    expect(codeOf(() => codec.decodeOutput(utf8(text)))).toBe("event_undecodable");
  });

  test("a value whose JSON is deeper than the stack is refused, not a crash", () => {
    let deep: unknown = 0;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(codeOf(() => codec.encodeInput(deep))).toBe("not_encodable");
  });
});
