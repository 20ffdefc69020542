/** Who an operation is: the header, the identity's parts, and the name under which a store keeps it. */
import { HooklatchError, letterId, readIdempotencyKey, storageKey } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { derivedKey, extractFingerprint, extractPart } from "../src/key.js";
import { codeOf } from "./support/outcome.js";

const header = (value: string | string[] | undefined) => readIdempotencyKey({ "idempotency-key": value });

describe("Idempotency-Key as an RFC 9651 string", () => {
  test.each<[string, string, string]>([
    ["plain", '"k-1"', "k-1"],
    ["a UUID", '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ["an escaped quote", '"a\\"b"', 'a"b'],
    ["an escaped backslash", '"a\\\\b"', "a\\b"],
    ["every printable character", '" !#$%&\'()*,;<>?@[]^`{|}"', " !#$%&'()*,;<>?@[]^`{|}"],
    ["parameters are ignored", '"k";a=1;b="x";c', "k"],
    ["space around it", '  "k"  ', "k"],
    ["spaces inside it count", '" k "', " k "],
    ["255 characters", `"${"k".repeat(255)}"`, "k".repeat(255)],
    ["255 characters, each escaped", `"${'\\"'.repeat(255)}"`, '"'.repeat(255)],
  ])("%s", (_, sent, key) => {
    expect(header(sent)).toBe(key);
  });

  test.each<[string, string]>([
    ["empty", '""'],
    ["two items", '"a", "b"'],
    ["two items without a comma", '"a" "b"'],
    ["not terminated", '"abc'],
    ["one quote", '"'],
    ["ends in an escape", '"abc\\'],
    ["an escape of anything else", '"a\\nb"'],
    ["text after it", '"a"b'],
    ["a malformed parameter", '"a";=1'],
    ["a tab inside", '"a\tb"'],
    ["a NUL inside", '"a\0b"'],
    ["a line break inside", '"a\r\nx: y"'],
    ["non-ASCII", '"käse"'],
    ["UTF-8 as Node gives it (latin1)", '"kÃ¤se"'],
    ["256 characters", `"${"k".repeat(256)}"`],
    ["16 KiB", `"${"k".repeat(16_384)}"`],
    ["a display string", '%"k"'],
    ["an inner list", '("a" "b")'],
    ["a boolean", "?1"],
  ])("refused: %s", (_, sent) => {
    expect(codeOf(() => header(sent))).toBe("invalid_key");
  });
});

describe("Idempotency-Key in its bare form", () => {
  test("each allowed character", () => {
    const allowed = "ABCXYZabcxyz0189._~:+/=-";
    expect(header(allowed)).toBe(allowed);
  });

  test("quoted and bare are the same key", () => {
    expect(header('"abc-1"')).toBe(header("abc-1"));
  });

  test("no other character of latin1", () => {
    const refused: string[] = [];
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      if (/[A-Za-z0-9._~:+/=-]/.test(char)) continue;
      if (codeOf(() => header(`a${char}b`)) === "invalid_key") refused.push(char);
    }
    expect(refused).toHaveLength(256 - 70);
  });

  test("1 to 255 characters, an integer and a token too", () => {
    expect(header("k")).toBe("k");
    expect(header("k".repeat(255))).toBe("k".repeat(255));
    expect(header("42")).toBe("42");
    expect(header("stripe-node-retry-1")).toBe("stripe-node-retry-1");
    expect(codeOf(() => header("k".repeat(256)))).toBe("invalid_key");
    expect(codeOf(() => header(""))).toBe("invalid_key");
    expect(codeOf(() => header("   "))).toBe("invalid_key");
  });

  test("a token with parameters is not bare", () => {
    expect(codeOf(() => header("abc;a=1"))).toBe("invalid_key");
  });
});

describe("Idempotency-Key absent or repeated", () => {
  test("absent", () => {
    expect(readIdempotencyKey({})).toBeUndefined();
    expect(header(undefined)).toBeUndefined();
  });

  test("sent more than once, even the same value", () => {
    expect(codeOf(() => header(["a", "b"]))).toBe("invalid_key");
    expect(codeOf(() => header(["a", "a"]))).toBe("invalid_key");
    expect(codeOf(() => header([]))).toBe("invalid_key");
  });

  test("two headers joined by a proxy or by Node", () => {
    expect(codeOf(() => header("a, b"))).toBe("invalid_key");
  });

  test("a list of one is one", () => {
    expect(header(["a"])).toBe("a");
  });
});

describe("the name under which a store keeps an operation", () => {
  const id = { scope: "s", tenant: "t", key: "k" };

  test("64 hex digits, whatever the parts hold", () => {
    for (const key of ["k", "{evil}", "a:b", "\0", "\u{1F600}", "__proto__", "a".repeat(1_024)]) {
      expect(storageKey({ scope: "s", key })).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test("is stable over versions: stored names must be found again", () => {
    expect(storageKey(id)).toBe("bda433d60cd87d9f86cdb52f7b4870e3b7bcebd15b5fae9361a02c47260f82fb");
    expect(storageKey({ scope: "s", key: "k" })).toBe(
      "c37eead506f59b1d122bc21ef81fac75991941f49fc0763d6ba8529e89ea3e89",
    );
    expect(letterId(id)).toBe("2b328adaef404f4ff360c38408d26e0da3fba83bea0c39fc155b6df695d62b21");
    expect(derivedKey(id, "charge")).toBe("e764798b9a06331fe9ba2d7a742c4817");
  });

  test.each([
    [
      { scope: "a:b", key: "c" },
      { scope: "a", key: "b:c" },
    ],
    [
      { scope: "a", key: "b" },
      { scope: "a", tenant: "b", key: "b" },
    ],
    [
      { scope: "a", tenant: "-", key: "b" },
      { scope: "a", key: "b" },
    ],
    [
      { scope: "a", tenant: "1:b", key: "c" },
      { scope: "a", tenant: "1", key: "b1:c" },
    ],
    [
      { scope: "a", key: "k" },
      { scope: "a", key: "K" },
    ],
    [
      { scope: "a", key: "\u00e9" },
      { scope: "a", key: "e\u0301" },
    ],
    [
      { scope: "a", key: "1" },
      { scope: "a", key: "1.0" },
    ],
  ])("%o is not %o", (one, other) => {
    expect(storageKey(one)).not.toBe(storageKey(other));
    expect(letterId(one)).not.toBe(letterId(other));
  });

  test("an absent tenant and an undefined one are the same", () => {
    expect(storageKey({ scope: "s", tenant: undefined, key: "k" })).toBe(
      storageKey({ scope: "s", key: "k" }),
    );
  });

  test("a lone surrogate is refused in each part: in UTF-8 they would all be one", () => {
    for (const bad of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
      expect(codeOf(() => storageKey({ scope: bad, key: "k" }))).toBe("invalid_key");
      expect(codeOf(() => storageKey({ scope: "s", tenant: bad, key: "k" }))).toBe("invalid_key");
      expect(codeOf(() => storageKey({ scope: "s", key: bad }))).toBe("invalid_key");
    }
    expect(storageKey({ scope: "s", key: "\ud83d\ude00" })).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("derived keys", () => {
  const id = { scope: "s", key: "k" };

  test("depend on the operation and the step alone", () => {
    expect(derivedKey(id, "charge")).toBe(derivedKey({ ...id }, "charge"));
    expect(derivedKey(id, "charge")).toMatch(/^[0-9a-f]{32}$/);
  });

  test("differ by step, key, tenant and scope, and from the operation's own names", () => {
    const others = [
      derivedKey(id, "charge"),
      derivedKey(id, "mail"),
      derivedKey(id, ""),
      derivedKey({ ...id, key: "k2" }, "charge"),
      derivedKey({ ...id, tenant: "t" }, "charge"),
      derivedKey({ ...id, scope: "s2" }, "charge"),
      storageKey(id).slice(0, 32),
      letterId(id).slice(0, 32),
    ];
    expect(new Set(others).size).toBe(others.length);
  });
});

describe("what `key`, `tenant` and `fingerprint` of the app give", () => {
  const part = (given: unknown, name: "key" | "tenant" = "key") =>
    codeOf(() => extractPart(() => given, {}, name));

  test.each([undefined, null, "", 0, 42, true, {}, [], Symbol("k"), Buffer.from("k"), () => "k"])(
    "%s is refused, never a shared name",
    (given) => {
      expect(part(given)).toBe("invalid_key");
      expect(part(given, "tenant")).toBe("invalid_tenant");
    },
  );

  test("1 to 1024 well-formed characters are taken as they are", () => {
    expect(extractPart(() => " a ", {}, "key")).toBe(" a ");
    expect(extractPart(() => "k".repeat(1_024), {}, "key")).toHaveLength(1_024);
    expect(part("k".repeat(1_025))).toBe("invalid_key");
    expect(part("\ud800")).toBe("invalid_key");
    expect(part("\ud800", "tenant")).toBe("invalid_tenant");
  });

  test("one that throws, whatever it throws, is refused with its cause", () => {
    for (const thrown of [new Error("boom"), "text", undefined, null, Symbol("s")]) {
      const from = () => {
        throw thrown;
      };
      expect(codeOf(() => extractPart(from, {}, "key"))).toBe("invalid_key");
      expect(codeOf(() => extractFingerprint(from, {}))).toBe("invalid_fingerprint");
    }
  });

  test("one that throws what has no text is refused in the same way", () => {
    const from = () => {
      throw Object.create(null);
    };
    expect(codeOf(() => extractPart(from, {}, "key"))).toBe("invalid_key");
  });

  test("a coded error passes through", () => {
    const thrown = new HooklatchError("invalid_json", "no JSON");
    const from = () => {
      throw thrown;
    };
    expect(() => extractPart(from, {}, "key")).toThrow(thrown);
  });

  test("a fingerprint is a string or bytes, and the same text gives the same one", () => {
    expect(extractFingerprint(() => "ab", {})).toBe(extractFingerprint(() => Buffer.from("ab"), {}));
    for (const given of [undefined, null, 1, {}, Promise.resolve("a")]) {
      expect(codeOf(() => extractFingerprint(() => given, {}))).toBe("invalid_fingerprint");
    }
  });
});
