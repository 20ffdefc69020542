import { describe, expect, test } from "vitest";
import { editable } from "../../ui/editable.js";

describe("what is edited", () => {
  test.each([
    ["packed JSON", '{"a":1.0,"b":[]}'],
    ["laid-out JSON", '{\n    "a": 1\n}\n'],
    ["JSON that is spelled in its own way", '{ "a" :1, "a": 2 }'],
    ["JSON with a character that cannot be seen", '{"a":"\u202e"}'],
    ["JSON too deep to be laid out", "[".repeat(80) + "]".repeat(80)],
    ["text", "a\nb"],
    ["text of Windows", "a\r\nb\r\n"],
    ["text with all ends of lines", "a\r\nb\nc\rd"],
    ["nothing", ""],
  ])("%s: left as it is, it is the original", (_, original) => {
    const { text, toBody } = editable(original);
    expect(toBody(text)).toBe(original);
    expect(text).not.toContain("\r");
  });

  test("JSON is laid out, and sent as the original was: packed, or as it was typed", () => {
    const packed = editable('{"a":1}');
    expect([packed.json, packed.text]).toEqual([true, '{\n  "a": 1\n}']);
    expect(packed.toBody('{\n  "a": 2\n}')).toBe('{"a":2}');
    const spaced = editable('{ "a": 1 }');
    expect(spaced.toBody('{\n  "a": 2\n}')).toBe('{\n  "a": 2\n}');
    // Laid out in another way it is the same.
    for (const { toBody } of [packed, spaced]) expect(toBody('{"a":\n1}')).toBe(toBody('{\n  "a": 1\n}'));
    expect(spaced.toBody('{"a":1}')).toBe('{ "a": 1 }');
  });

  test("a character that cannot be seen is an escape, which is the same value", () => {
    const { text, toBody } = editable('{"a":"x\u200b"}');
    expect(text).toBe('{\n  "a": "x\\u200b"\n}');
    expect(JSON.parse(toBody(text.replace("x", "y")))).toEqual({ a: "y\u200b" });
  });

  test("text keeps its ends of lines", () => {
    expect(editable("a\r\nb").toBody("a\nc\nd")).toBe("a\r\nc\r\nd");
    expect(editable("a\nb").toBody("a\nc")).toBe("a\nc");
    expect(editable("a\r\nb\nc").toBody("x")).toBe("x");
    expect(editable("no json").json).toBe(false);
  });
});
