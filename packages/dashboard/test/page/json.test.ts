import { describe, expect, test } from "vitest";
import { jsonFault, layOut, pack } from "../../ui/json.js";

const TEXTS: [name: string, text: string, laidOut: string][] = [
  ["a number alone", "1", "1"],
  ["a text alone", '"a"', '"a"'],
  ["empty ones", '{"a":{},"b":[]}', '{\n  "a": {},\n  "b": []\n}'],
  ["nested ones", '{"a":[1,{"b":2}]}', '{\n  "a": [\n    1,\n    {\n      "b": 2\n    }\n  ]\n}'],
  [
    "numbers as they are spelled",
    "[1.0,1e400,12345678901234567890,-0]",
    "[\n  1.0,\n  1e400,\n  12345678901234567890,\n  -0\n]",
  ],
  ["names given twice, in their order", '{"b":1,"a":2,"b":3}', '{\n  "b": 1,\n  "a": 2,\n  "b": 3\n}'],
  [
    "texts that look like JSON",
    '["{a, b:[c]}","\\"","\\\\","\\u0041"]',
    '[\n  "{a, b:[c]}",\n  "\\"",\n  "\\\\",\n  "\\u0041"\n]',
  ],
  ["words", "[true,false,null]", "[\n  true,\n  false,\n  null\n]"],
];

describe("JSON", () => {
  test.each(TEXTS)("%s is laid out, and packed again as it was", (_, text, laidOut) => {
    expect(layOut(text)).toBe(laidOut);
    expect(pack(laidOut)).toBe(text);
    // Done twice, neither changes anything more; and spaces in between do not matter.
    expect([layOut(laidOut), pack(text)]).toEqual([laidOut, text]);
    expect(layOut(` \r\n\t${laidOut.replaceAll(": ", " :\t")} `)).toBe(laidOut);
    expect(jsonFault(laidOut)).toBeUndefined();
  });

  test("spaces within texts stay", () => {
    const text = '{"a  b":" c\\td  "}';
    expect(pack(layOut(text) ?? "")).toBe(text);
  });

  test.each(["", "{", "{a:1}", '{"a":1}{', "[1,]", "undefined", "'a'", '{"a":1}\u0000'])(
    "%j is none",
    (text) => {
      expect(layOut(text)).toBeUndefined();
      expect(jsonFault(text)).toEqual(expect.any(String));
    },
  );

  test("what is too large or too deep is not laid out, and costs nothing", () => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const from = performance.now();
    expect(layOut(deep(60))).toEqual(expect.any(String));
    expect(layOut(deep(61))).toBeUndefined();
    expect(layOut(deep(5_000))).toBeUndefined();
    expect(layOut(JSON.stringify("x".repeat(400_000)))).toBeUndefined();
    // Small, but large when it is laid out.
    expect(layOut(`${"[".repeat(59)}${"1,".repeat(150_000)}1${"]".repeat(59)}`)).toBeUndefined();
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
