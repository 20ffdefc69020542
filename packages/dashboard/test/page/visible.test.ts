import { describe, expect, test } from "vitest";
import { escapeHidden, hasHidden, pieces, visible } from "../../ui/visible.js";

describe("text of strangers", () => {
  test.each([
    ["plain text", "plain 漢字 é \u{1f600}", "plain 漢字 é \u{1f600}"],
    ["controls", "a\u0000b\u001b[31m\u007f\u009b", "a\\0b\\x1b[31m\\x7f\\u009b"],
    ["ends of lines", "a\r\n\tb", "a\\r\\n\\tb"],
    ["marks of direction", "a\u202eb\u2066c\u200f", "a\\u202eb\\u2066c\\u200f"],
    ["what has no width", "a\u200bb\ufeff\u2060\u00ad", "a\\u200bb\\ufeff\\u2060\\u00ad"],
    ["separators", "a\u2028b\u2029", "a\\u2028b\\u2029"],
    ["halves of characters", "a\ud800b\udfff", "a\\ud800b\\udfff"],
    ["tags", "a\u{e0041}", "a\\u{e0041}"],
    ["long runs, counted", "\u200b".repeat(9), "\\u200b×9"],
  ])("%s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(hasHidden(text.replaceAll(/[\n\t]/g, ""))).toBe(text !== shown);
  });

  test("joiners, which emoji and languages need, stay", () => {
    const family = "\u{1f468}\u200d\u{1f469}";
    expect(visible(family)).toBe(family);
  });

  test("as lines, ends of lines and tabs are none of it", () => {
    expect(pieces("a\n\tb\u200b", true)).toEqual([
      { text: "a\n\tb", hidden: false },
      { text: "\\u200b", hidden: true },
    ]);
    expect(hasHidden("a\n\tb")).toBe(false);
  });

  test("thousands of them are a few pieces, and none is lost", () => {
    const text = "a\u200b".repeat(50_000);
    const found = pieces(text, true);
    expect(found.length).toBeLessThan(5_000);
    expect(found.map((piece) => piece.text).join("")).toBe("a\\u200b".repeat(50_000));
  });

  test("in JSON they become escapes of the same value", () => {
    const value = { "a\u202e": "\u{e0041}\ufeff\u007f" };
    const escaped = escapeHidden(JSON.stringify(value));
    expect(escaped).toBe('{"a\\u202e":"\\udb40\\udc41\\ufeff\\u007f"}');
    expect(JSON.parse(escaped)).toEqual(value);
    expect(hasHidden(escaped)).toBe(false);
  });
});
