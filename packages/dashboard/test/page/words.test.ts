import { describe, expect, test } from "vitest";
import { absolute, ago, bytes, clockTime, count, duration, hourOf, plural, roughly } from "../../ui/words.js";

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;

describe("in words", () => {
  test.each([
    [0, "0 ms"],
    [-5, "0 ms"],
    [349.6, "350 ms"],
    [4_200, "4.2 s"],
    [5_000, "5 s"],
    [43 * S, "43 s"],
    [3 * MIN + 12 * S, "3 min 12 s"],
    [2 * H + 5 * MIN + 59 * S, "2 h 5 min"],
    [12 * D + 3 * H, "12 d 3 h"],
    [60 * D + 3 * H, "60 d"],
    [Number.NaN, "?"],
    [Number.POSITIVE_INFINITY, "?"],
  ])("a duration of %s ms", (ms, words) => {
    expect(duration(ms)).toBe(words);
  });

  test("a time ago, and one to come", () => {
    expect([0, 999, 43 * S, 3 * MIN + 59 * S, 5 * H, 12 * D].map((passed) => ago(0, passed))).toEqual([
      ...["now", "now", "43 s ago", "3 min ago", "5 h ago", "12 d ago"],
    ]);
    expect(ago(3 * MIN, 0)).toBe("in 3 min");
    expect(ago(Number.NaN, 0)).toBe("at an unknown time");
    expect(roughly(-90 * S)).toBe("1 min");
  });

  test("numbers and sizes", () => {
    expect([
      count(1_234_567),
      plural(1, "letter"),
      plural(0, "letter"),
      plural(2, "entry", "entries"),
    ]).toEqual([...["1,234,567", "1 letter", "0 letters", "2 entries"]]);
    expect([0, 1, 1_023, 1_024, 1_536, 3 * 1024 * 1024].map(bytes)).toEqual([
      ...["0 bytes", "1 byte", "1,023 bytes", "1 KiB", "1.5 KiB", "3 MiB"],
    ]);
  });

  test("a time that is none breaks nothing", () => {
    for (const at of [Number.NaN, 1e300, Number.POSITIVE_INFINITY]) {
      expect([absolute(at), clockTime(at), hourOf(at)]).toEqual(["an unknown time", "?", "?"]);
    }
    expect(absolute(0)).toMatch(/19(69|70)/);
  });
});
