/** Errors that two copies of the package agree on, and records of whatever was thrown. */
import { HooklatchError, NonRetryableError, RetryAfterError } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { toErrorRecord } from "../src/errors.js";

describe("brands", () => {
  test("two copies of the package recognise each other's errors", async () => {
    vi.resetModules();
    const other = await import("../src/errors.js");
    expect(other.HooklatchError).not.toBe(HooklatchError);
    const theirs = new other.HooklatchError("closed", "x");
    expect(theirs).not.toBeInstanceOf(HooklatchError);
    expect(HooklatchError.is(theirs)).toBe(true);
    expect(HooklatchError.is(theirs, "closed")).toBe(true);
    expect(HooklatchError.is(theirs, "invalid_key")).toBe(false);
    expect(NonRetryableError.is(new other.NonRetryableError("x"))).toBe(true);
    expect(RetryAfterError.is(new other.RetryAfterError("x", 5))).toBe(true);
    expect(other.HooklatchError.is(new HooklatchError("closed", "x"))).toBe(true);
    expect(other.NonRetryableError.is(new NonRetryableError("x"))).toBe(true);
    expect(other.RetryAfterError.is(new RetryAfterError("x", 5))).toBe(true);
  });

  test("a subclass keeps the brand", () => {
    class Poison extends NonRetryableError {}
    expect(NonRetryableError.is(new Poison("x"))).toBe(true);
  });

  test("nothing else has it", () => {
    const others = [
      undefined,
      null,
      "x",
      1,
      Symbol("x"),
      {},
      new Error("x"),
      { code: "closed", name: "HooklatchError" },
    ];
    for (const other of others) {
      expect(HooklatchError.is(other)).toBe(false);
      expect(NonRetryableError.is(other)).toBe(false);
      expect(RetryAfterError.is(other)).toBe(false);
    }
    expect(HooklatchError.is(new NonRetryableError("x"))).toBe(false);
    expect(NonRetryableError.is(new HooklatchError("closed", "x"))).toBe(false);
  });

  test("a value that cannot be looked at has no brand, and asking does not throw", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(HooklatchError.is(proxy)).toBe(false);
    expect(NonRetryableError.is(proxy)).toBe(false);
    expect(RetryAfterError.is(proxy)).toBe(false);
  });

  test("the brand does not show when an error is logged or copied", () => {
    expect(Object.keys(new HooklatchError("closed", "x")).sort()).toEqual(["code", "name", "retryable"]);
  });
});

describe("HooklatchError", () => {
  test("has a code, a cause, and is not retryable unless it says so", () => {
    const cause = new Error("disk full");
    const error = new HooklatchError("store_unavailable", "x", { cause, retryable: true });
    expect(error).toMatchObject({
      name: "HooklatchError",
      code: "store_unavailable",
      retryable: true,
      cause,
    });
    expect(new HooklatchError("closed", "x").retryable).toBe(false);
    expect("cause" in new HooklatchError("closed", "x")).toBe(false);
    expect(new NonRetryableError("x", { cause }).cause).toBe(cause);
    expect(new RetryAfterError("x", 1, { cause }).cause).toBe(cause);
  });
});

describe("toErrorRecord", () => {
  test("an error: name, message, code, stack", () => {
    const error = Object.assign(new TypeError("boom"), { code: "E_BOOM" });
    expect(toErrorRecord(error)).toEqual({
      name: "TypeError",
      message: "boom",
      code: "E_BOOM",
      stack: error.stack,
    });
    expect(toErrorRecord(Object.assign(new Error("x"), { code: 404 })).code).toBe("404");
    expect(toErrorRecord(new Error("x"))).not.toHaveProperty("code");
  });

  test.each<[unknown, string]>([
    ["a string", "a string"],
    ["", ""],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [10n, "10"],
    [Number.NaN, "NaN"],
    [true, "true"],
    [Symbol("s"), "Symbol(s)"],
    [{ status: 500 }, '{"status":500}'],
    [[1, 2], "[1,2]"],
  ])("%o, thrown as it is", (thrown, message) => {
    expect(toErrorRecord(thrown)).toEqual({ name: "NonError", message });
  });

  test("an error-like object", () => {
    expect(toErrorRecord({ name: "Custom", message: "m", stack: 5, code: {} })).toEqual({
      name: "Custom",
      message: "m",
    });
    expect(toErrorRecord({ name: "", message: undefined })).toEqual({ name: "Error", message: "undefined" });
    expect(toErrorRecord({ name: 5, message: 7 })).toEqual({ name: "Error", message: "7" });
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const trap = () => {
    throw new Error("trapped");
  };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  test.each<[string, unknown]>([
    ["a getter that throws", Object.defineProperty({}, "message", { get: trap })],
    ["a stack that throws", Object.defineProperty(new Error("x"), "stack", { get: trap })],
    ["a message without a text", { message: Object.create(null) }],
    ["no prototype", Object.create(null)],
    ["a circular object", circular],
    ["a BigInt inside", { n: 1n }],
    ["a toJSON that throws", { toJSON: trap }],
    [
      "a proxy that traps everything",
      new Proxy({}, { has: trap, get: trap, ownKeys: trap, getPrototypeOf: trap }),
    ],
    ["a revoked proxy", revoked],
    ["a function", trap],
    ["a message that is a symbol", { message: Symbol("s") }],
  ])("%s is recorded too, as plain text", (_, thrown) => {
    const record = toErrorRecord(thrown);
    expect(typeof record.name).toBe("string");
    expect(typeof record.message).toBe("string");
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });

  test("is bounded", () => {
    const error = Object.assign(new Error("m".repeat(1e6)), {
      name: "n".repeat(1e6),
      code: "c".repeat(1e6),
      stack: "s".repeat(1e6),
    });
    expect(JSON.stringify(toErrorRecord(error)).length).toBeLessThan(11_000);
    expect(toErrorRecord("x".repeat(1e6)).message).toHaveLength(2_000);
    expect(toErrorRecord({ a: "x".repeat(1e6) }).message).toHaveLength(2_000);
  });
});
