import { createHash } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { portableSha256Hex, sha256Hex } from "../src/hash.js";
import { utf8 } from "./support/outcome.js";

/** FIPS 180-2 and the empty message. */
const VECTORS: [string, string][] = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
];

describe.each([
  ["sha256Hex", sha256Hex],
  ["portableSha256Hex", portableSha256Hex],
] as const)("%s", (_, hash) => {
  test.each(VECTORS)("%j", (text, digest) => {
    expect(hash(text)).toBe(digest);
    expect(hash(utf8(text))).toBe(digest);
  });

  test("every length around a block, and a view into a larger buffer", () => {
    const buffer = new Uint8Array(300).map((_, i) => i);
    for (let length = 0; length <= 130; length++) {
      const view = buffer.subarray(7, 7 + length);
      expect(hash(view)).toBe(createHash("sha256").update(view).digest("hex"));
    }
  });
});

describe("hosts", () => {
  const real = process;
  /** Only hash.ts sees the other host: vitest itself goes on needing this one. */
  function pretend(process: () => unknown): void {
    vi.resetModules();
    const get = () => (new Error().stack?.includes("src/hash.ts") ? process() : real);
    Object.defineProperty(globalThis, "process", { configurable: true, get });
  }
  afterEach(() => {
    Object.defineProperty(globalThis, "process", { configurable: true, writable: true, value: real });
    vi.resetModules();
  });

  test.each([
    ["without a process", undefined],
    ["with a process but no built-in modules (Node before 20.16, Workers)", {}],
    ["whose crypto has createHash only", { getBuiltinModule: () => ({ createHash }) }],
    ["whose getBuiltinModule knows no crypto", { getBuiltinModule: () => undefined }],
  ])("a host %s", async (_, host) => {
    const asked = vi.fn(() => host);
    pretend(asked);
    const { sha256Hex: there } = await import("../src/hash.js");
    expect(asked).toHaveBeenCalled();
    for (const [text, digest] of VECTORS) expect(there(text)).toBe(digest);
  });
});
