import { describe, expect, test } from "vitest";
import { around, type DiffLine, diffLines } from "../../ui/diff.js";

const SIGNS = { same: " ", gone: "-", new: "+" } as const;
const drawn = (lines: readonly (DiffLine | "gap")[]) =>
  lines.map((line) => (line === "gap" ? "~" : `${SIGNS[line.kind]}${line.text}`));
const diff = (before: string[], after: string[]) => drawn(diffLines(before.join("\n"), after.join("\n")));

describe("diffLines", () => {
  test.each<[string, string[], string[], string[]]>([
    ["the same", ["a", "b"], ["a", "b"], [" a", " b"]],
    ["nothing and nothing", [""], [""], [" "]],
    ["one line changed", ["a", "b", "c"], ["a", "x", "c"], [" a", "-b", "+x", " c"]],
    ["a line added at the end", ["a"], ["a", "b"], [" a", "+b"]],
    ["a line taken away at the beginning", ["a", "b"], ["b"], ["-a", " b"]],
    ["everything changed", ["a", "b"], ["c"], ["-a", "-b", "+c"]],
    ["the same line again", ["a", "a"], ["a", "a", "a"], [" a", " a", "+a"]],
    ["moved", ["a", "b", "c"], ["b", "c", "a"], ["-a", " b", " c", "+a"]],
    ["a part in the middle that stayed", ["a", "k", "b"], ["c", "k", "d"], ["-a", "+c", " k", "-b", "+d"]],
  ])("%s", (_, before, after, lines) => {
    expect(diff(before, after)).toEqual(lines);
  });

  test("without what is new it is the text before, without what is gone the one after, whatever they are", () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const text = () => Array.from({ length: random(12) }, () => "abc"[random(3)]).join("\n");
    for (let n = 0; n < 500; n++) {
      const [before, after] = [text(), text()];
      const lines = diffLines(before, after);
      const without = (kind: DiffLine["kind"]) =>
        lines.filter((line) => line.kind !== kind).map((line) => line.text);
      expect([without("new").join("\n"), without("gone").join("\n")]).toEqual([before, after]);
    }
  });

  test("of huge texts it says less, in no time", () => {
    const lines = (of: string) => Array.from({ length: 60_000 }, (_, n) => `${of}${n}`);
    const from = performance.now();
    const found = diffLines(
      ["head", ...lines("a"), "tail"].join("\n"),
      ["head", ...lines("b"), "tail"].join("\n"),
    );
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(found.length).toBe(120_002);
    expect([found[0], found.at(-1)].map((line) => line?.kind)).toEqual(["same", "same"]);
  });
});

describe("around", () => {
  const many = Array.from({ length: 20 }, (_, n) => String(n));
  test("keeps what changed and two lines on each side", () => {
    const after = [...many];
    after[10] = "x";
    expect(drawn(around(diffLines(many.join("\n"), after.join("\n"))))).toEqual([
      ...["~", " 8", " 9", "-10", "+x", " 11", " 12", "~"],
    ]);
  });
  test("at both ends there is no gap, and between two changes that are near there is none", () => {
    const after = [...many];
    after[0] = "x";
    after[4] = "y";
    after[19] = "z";
    expect(drawn(around(diffLines(many.join("\n"), after.join("\n"))))).toEqual([
      ...["-0", "+x", " 1", " 2", " 3", "-4", "+y", " 5", " 6", "~", " 17", " 18", "-19", "+z"],
    ]);
  });
  test("of the same text there is one gap", () => {
    expect(drawn(around(diffLines("a\nb", "a\nb")))).toEqual(["~"]);
  });
});
