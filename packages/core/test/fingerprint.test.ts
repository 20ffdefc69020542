/** Canonical JSON (RFC 8785), and where it must not make two different events one. */
import { canonicalJson, canonicalJsonKey } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { canonicalJsonText, fingerprintOf } from "../src/fingerprint.js";
import { sha256Hex } from "../src/hash.js";
import { codeOf, utf8 } from "./support/outcome.js";

const key = (body: string | Uint8Array) =>
  canonicalJsonKey({ body: typeof body === "string" ? utf8(body) : body });

describe("numbers: RFC 8785 appendix B", () => {
  const double = (hex: string): number => Buffer.from(hex, "hex").readDoubleBE();

  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("%s is %s", (hex, text) => {
    expect(canonicalJson(double(hex))).toBe(text);
  });

  test.each(["NaN", "Infinity", "-Infinity"])("%s has no form", (name) => {
    expect(codeOf(() => canonicalJson(Number(name)))).toBe("not_encodable");
  });

  test("one value, one form", () => {
    for (const text of ["1", "1.0", "1e0", "10e-1", "0.1E1", "100e-2", "1.000E+0"]) {
      expect(canonicalJsonText(text)).toBe("1");
    }
    for (const text of ["0", "-0", "0.0", "-0.0e5", "0E-7"]) expect(canonicalJsonText(text)).toBe("0");
  });
});

describe("numbers that a double cannot hold stay apart", () => {
  test.each([
    ["9007199254740993", "9007199254740992"],
    ["-9007199254740993", "-9007199254740992"],
    ["1e400", "1e401"],
    ["1e400", "-1e400"],
    ["1e-400", "0"],
    ["1e-400", "1e-401"],
    ["0.1000000000000000055511151231257827", "0.1"],
    ["3.14159265358979323846", "3.141592653589793238463"],
    ["12345678901234567890123", "12345678901234567890124"],
    ["9007199254740993", '"9007199254740993e0"'],
  ])("%s and %s", (one, other) => {
    expect(canonicalJsonText(one)).not.toBe(canonicalJsonText(other));
    expect(key(`{"id":${one}}`)).not.toBe(key(`{"id":${other}}`));
  });

  test.each([
    ["9007199254740993", "9007199254740993.0"],
    ["1e400", "10e399"],
    ["1e400", "0.1e401"],
    ["1e-400", "0.1E-399"],
  ])("%s and %s are one value", (one, other) => {
    expect(canonicalJsonText(one)).toBe(canonicalJsonText(other));
  });
});

describe("strings and members", () => {
  test("RFC 8785 §3.2.2: the document of the specification", () => {
    const text = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(JSON.parse(text))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test("RFC 8785 §3.2.3: sorted by UTF-16 units", () => {
    const text = String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
      "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`;
    const sorted = JSON.parse(canonicalJsonText(text) as string) as Record<string, string>;
    expect(Object.values(sorted)).toEqual([
      "One",
      "Carriage Return",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  test("integer-like names are sorted as text too", () => {
    expect(canonicalJsonText('{"10":1,"9":2,"a":3}')).toBe('{"10":1,"9":2,"a":3}');
  });

  test("order and white space do not matter; the order of a list does", () => {
    expect(key('{ "b" : [1,\t2],\r\n"a":{"y":1,"x":2} }')).toBe(key('{"a":{"x":2,"y":1},"b":[1,2]}'));
    expect(key("[1,2]")).not.toBe(key("[2,1]"));
  });

  test("escapes do not matter, case and normal form do", () => {
    expect(key('"\\u0061\\/"')).toBe(key('"a/"'));
    expect(key('{"a":1}')).not.toBe(key('{"A":1}'));
    expect(key('"é"')).not.toBe(key('"e\u0301"'));
  });

  test("types stay apart", () => {
    const texts = [
      "1",
      '"1"',
      "[1]",
      '{"1":1}',
      "true",
      '"true"',
      "null",
      '"null"',
      '""',
      "[]",
      "{}",
      "0",
      "[[]]",
    ];
    expect(new Set(texts.map(key)).size).toBe(texts.length);
  });

  test("`__proto__` is a member like any other", () => {
    const texts = [
      "{}",
      '{"__proto__":{}}',
      '{"__proto__":null}',
      '{"__proto__":{"a":1}}',
      '{"constructor":{}}',
    ];
    expect(new Set(texts.map(canonicalJsonText)).size).toBe(texts.length);
    expect(canonicalJson(JSON.parse('{"__proto__":{"b":1,"a":2}}'))).toBe('{"__proto__":{"a":2,"b":1}}');
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test("different lone surrogates stay apart", () => {
    expect(key('"\\ud800"')).not.toBe(key('"\\ud801"'));
    expect(key('"\\ud800"')).not.toBe(key('"\ufffd"'));
  });
});

describe("what has no canonical form is hashed as raw bytes, so every body has a key", () => {
  test.each([
    ["repeated members", '{"a":1,"a":2}'],
    ["repeated members, escaped", '{"a":1,"\\u0061":2}'],
    ["repeated members, deep", '[{"b":{"a":1,"a":1}}]'],
    ["no JSON", '{"a":1,}'],
    ["two texts", "1 2"],
    ["a number with a leading zero", "01"],
    ["nothing", ""],
    ["single quotes", "{'a':1}"],
    ["a control character in a string", '"\n"'],
    ["no-break space", '\u00a0{"a":1}'],
  ])("%s", (_, text) => {
    expect(canonicalJsonText(text)).toBeUndefined();
    expect(key(text)).toBe(key(text));
    expect(key(text)).not.toBe(key(`${text} `));
  });

  test("duplicate members differ by their values", () => {
    expect(key('{"a":1,"a":2}')).not.toBe(key('{"a":2}'));
    expect(key('{"a":1,"a":2}')).not.toBe(key('{"a":3,"a":2}'));
  });

  test("bytes that are not UTF-8 stay apart", () => {
    expect(key(Uint8Array.of(0x22, 0xff, 0x22))).not.toBe(key(Uint8Array.of(0x22, 0xfe, 0x22)));
  });

  test("depth: 128 levels, and not one more", () => {
    const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(canonicalJsonText(nested(128))).toBe(nested(128));
    expect(canonicalJsonText(nested(129))).toBeUndefined();
    expect(canonicalJsonText(`${'{"a":'.repeat(129)}1${"}".repeat(129)}`)).toBeUndefined();
    expect(canonicalJsonText('"[[[["')).toBe('"[[[["');
  });

  test("numbers: over 400 characters", () => {
    expect(canonicalJsonText(`1${"0".repeat(399)}`)).toBe("1e399");
    expect(canonicalJsonText(`1${"0".repeat(400)}`)).toBeUndefined();
    expect(key(`[1${"0".repeat(500)}]`)).not.toBe(key(`[1${"0".repeat(501)}]`));
  });

  test("size: over 4 Mi characters", () => {
    const text = (length: number) => `"${"x".repeat(length - 2)}"`;
    expect(canonicalJsonText(text(4 * 1024 * 1024))).toHaveLength(4 * 1024 * 1024);
    expect(canonicalJsonText(text(4 * 1024 * 1024 + 1))).toBeUndefined();
  });

  test("a raw body never has the key of another body's canonical form", () => {
    expect(key('json:{"a":1}')).not.toBe(key('{"a":1}'));
  });
});

describe("hostile texts cost no more than their length", () => {
  // CPU time, and as a ratio: other processes must not decide. What is quadratic costs thousands of times as much at these lengths.
  const cost = (body: string): number => {
    const from = process.cpuUsage();
    expect(key(body)).toMatch(/[0-9a-f]{64}$/);
    const { user, system } = process.cpuUsage(from);
    return user + system;
  };
  const ordinary = (length: number): string => `[${"12345678,".repeat(length / 9)}0]`;

  test.each<[string, string]>([
    ["a depth bomb", "[".repeat(100_000)],
    ["a depth bomb that closes", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["a depth bomb of objects", '{"a":'.repeat(100_000)],
    ["a string that never ends", `"${"a".repeat(1_000_000)}`],
    ["quotes that are escaped for ever", '\\"'.repeat(80_000)],
    ["zeros within a number", `1${"0".repeat(80_000)}1`],
    ["zeros within a fraction", `0.1${"0".repeat(80_000)}1`],
    ["zeros before a number's digits", `0.${"0".repeat(80_000)}1`],
    ["a huge exponent", `1e${"9".repeat(100_000)}`],
    ["many members", `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`],
  ])("%s", (_, body) => {
    const usual = Math.max(cost(ordinary(body.length)), 1_000);
    expect(cost(body) / usual).toBeLessThan(100);
  });
});

describe("canonicalJson of values", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;

  test.each<[string, unknown]>([
    ["a circular value", circular],
    ["a BigInt", { id: 1n }],
    ["a function", { f: () => 1 }],
    ["a symbol", { s: Symbol("s") }],
    ["NaN", [Number.NaN]],
    ["an infinity", { n: Number.POSITIVE_INFINITY }],
    ["a Map", { m: new Map([["a", 1]]) }],
    ["a Set", new Set([1])],
    ["undefined", undefined],
    [
      "a toJSON that throws",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ],
    [
      "a getter that throws",
      {
        get a() {
          throw new Error("no");
        },
      },
    ],
    ["129 levels", JSON.parse(`${"[".repeat(129)}${"]".repeat(129)}`)],
  ])("%s is refused", (_, value) => {
    expect(codeOf(() => canonicalJson(value))).toBe("not_encodable");
  });

  test("a toJSON that throws something without a text is refused in the same way", () => {
    const value = {
      toJSON() {
        throw Object.create(null);
      },
    };
    expect(codeOf(() => canonicalJson(value))).toBe("not_encodable");
  });

  test("what JSON.stringify would turn into null is refused: a wrong date, a boxed NaN", () => {
    expect(codeOf(() => canonicalJson({ at: new Date(Number.NaN) }))).toBe("not_encodable");
    expect(codeOf(() => canonicalJson({ n: Object(Number.NaN) }))).toBe("not_encodable");
  });

  test("toJSON is used and undefined members are left out", () => {
    expect(canonicalJson({ at: new Date(0), gone: undefined })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });
});

test("fingerprintOf is the SHA-256 of the bytes", () => {
  expect(fingerprintOf("é")).toBe(sha256Hex(utf8("é")));
});
