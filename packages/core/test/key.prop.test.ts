/** Identities never share a name, and the header reader never fails otherwise than with its code. */
import { createHash } from "node:crypto";
import { type OperationId, readIdempotencyKey, storageKey } from "@hooklatch/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { portableSha256Hex, sha256Hex } from "../src/hash.js";
import { codeOf } from "./support/outcome.js";

const LONE = /\p{Surrogate}/u;
/** Pieces that try to look like separators, lengths and absence, so that concatenations collide wherever they can. */
const piece = fc.constantFrom(
  "",
  ":",
  "-",
  "1",
  "2",
  "1:",
  "2:a",
  "a",
  "b",
  "\0",
  "{",
  "}",
  "\u{1F600}",
  "é",
  "e\u0301",
);
const part = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join("") || "x"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
);
const identity: fc.Arbitrary<OperationId> = fc.record(
  { scope: part, tenant: part, key: part },
  { requiredKeys: ["scope", "key"] },
);

test("storageKey is injective (20 000 identities)", () => {
  const names = new Map<string, string>();
  fc.assert(
    fc.property(identity, (id) => {
      fc.pre(!LONE.test(`${id.scope}\u0001${id.tenant ?? ""}\u0001${id.key}`));
      const parts = JSON.stringify([id.scope, id.tenant ?? null, id.key]);
      const name = storageKey(id);
      expect(names.get(name) ?? parts).toBe(parts);
      names.set(name, parts);
    }),
    { numRuns: 20_000 },
  );
});

test("storage names spread evenly over 16 partitions, however alike the keys are", () => {
  const counts = new Array<number>(16).fill(0);
  const total = 16_000;
  for (let i = 0; i < total; i++) {
    const first = Number.parseInt(storageKey({ scope: "s", key: `{evil}:${i}` }).slice(0, 1), 16);
    counts[first] = (counts[first] as number) + 1;
  }
  const mean = total / 16;
  const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  expect(chiSquare).toBeLessThan(37.7); // p = 0.001 at 15 degrees of freedom
});

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ maxLength: 300 }).map((text) => `"${text}"`),
  fc
    .array(fc.constantFrom('"', "\\", ";", "=", ",", " ", "a", "?1", "\t", "é"), { maxLength: 30 })
    .map((x) => x.join("")),
);

test("readIdempotencyKey gives a usable key or invalid_key, and nothing else (20 000 headers)", () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.array(hostile, { maxLength: 3 })), (value) => {
      let key: string | undefined;
      const code = codeOf(() => {
        key = readIdempotencyKey({ "idempotency-key": value });
      });
      if (code === "nothing was thrown") {
        expect(key).toMatch(/^[\x20-\x7e]{1,255}$/);
      } else expect(code).toBe("invalid_key");
    }),
    { numRuns: 20_000 },
  );
});

test("a quoted key reads back as what was quoted", () => {
  const chars = fc
    .string({ unit: "binary-ascii", minLength: 1, maxLength: 255 })
    .filter((s) => /^[\x20-\x7e]+$/.test(s));
  fc.assert(
    fc.property(chars, (key) => {
      const quoted = `"${key.replace(/[\\"]/g, "\\$&")}"`;
      expect(readIdempotencyKey({ "idempotency-key": quoted })).toBe(key);
    }),
    { numRuns: 2_000 },
  );
});

test("both hashes are SHA-256, of bytes and of a string's UTF-8", () => {
  const data = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "grapheme", maxLength: 100 }));
  fc.assert(
    fc.property(data, (bytes) => {
      const expected = createHash("sha256").update(bytes).digest("hex");
      expect(sha256Hex(bytes)).toBe(expected);
      expect(portableSha256Hex(bytes)).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});
