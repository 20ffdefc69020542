import { canonicalJson } from "@hooklatch/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJsonText } from "../src/fingerprint.js";

/** I-JSON (RFC 7493): what a double and well-formed unicode can hold. */
const { value: iJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme", maxLength: 8 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string({ unit: "grapheme", maxLength: 4 }), fc.constant("__proto__")),
      tie("value"),
      {
        maxKeys: 4,
      },
    ),
  ),
}));

/** The same JSON with its members turned round at every level. */
function reversed(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(reversed).join(" ,\n")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).reverse();
  return `{\t${members.map(([name, member]) => `${JSON.stringify(name)} : ${reversed(member)}`).join(" , ")}}`;
}

test("permuting members and adding white space changes nothing; what comes back is equal; twice is once", () => {
  fc.assert(
    fc.property(iJson, (value) => {
      const canonical = canonicalJson(value);
      expect(canonicalJsonText(reversed(value))).toBe(canonical);
      expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJsonText(canonical)).toBe(canonical);
    }),
    { numRuns: 3_000 },
  );
});

test("two values have one form only if they are equal", () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(iJson, (value) => {
      const canonical = canonicalJson(value);
      const same = JSON.stringify(JSON.parse(canonical));
      expect(seen.get(canonical) ?? same).toBe(same);
      seen.set(canonical, same);
    }),
    { numRuns: 3_000 },
  );
});

const digits = fc.stringMatching(/^[0-9]{1,25}$/).map((text) => text.replace(/^0+(?=.)/, ""));
const literal = fc
  .tuple(
    fc.constantFrom("", "-"),
    digits,
    fc.option(fc.stringMatching(/^[0-9]{1,25}$/)),
    fc.option(fc.integer({ min: -420, max: 420 })),
  )
  .map(([sign, whole, fraction, exponent]) => {
    return `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent === null ? "" : `e${exponent}`}`;
  });

/** An exact decimal as [digits, exponent], by string arithmetic of its own. */
function exact(text: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e(-?\d+))?$/.exec(text) ?? [];
  let n = BigInt(whole + fraction);
  let e = Number(exponent) - fraction.length;
  if (n === 0n) return "0";
  while (n % 10n === 0n) {
    n /= 10n;
    e++;
  }
  return `${sign}${n}@${e}`;
}

test("two number literals have one form exactly if they are the same decimal, or the same double says so", () => {
  const byForm = new Map<string, string>();
  const byValue = new Map<string, string>();
  fc.assert(
    fc.property(literal, (text) => {
      const form = canonicalJsonText(text) as string;
      expect(form).toBeDefined();
      const value = exact(text);
      expect(byForm.get(form) ?? value).toBe(value);
      expect(byValue.get(value) ?? form).toBe(form);
      byForm.set(form, value);
      byValue.set(value, form);
    }),
    { numRuns: 10_000 },
  );
});

test("any text has a form or none, and never throws", () => {
  const token = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "\\",
    "1",
    "-",
    "1e5",
    ".",
    "true",
    "null",
    " ",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(token, { maxLength: 20 }).map((t) => t.join("")),
  );
  fc.assert(
    fc.property(text, (json) => {
      const form = canonicalJsonText(json);
      let parses = true;
      try {
        JSON.parse(json);
      } catch {
        parses = false;
      }
      if (!parses) expect(form).toBeUndefined();
    }),
    { numRuns: 5_000 },
  );
});
