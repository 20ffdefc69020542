/** What `createGuard` refuses at construction, each with a coded error that names the option. */
import { createGuard, type GuardOptions, HooklatchError, memoryStore } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { guarding } from "./support/guarding.js";
import { codeOf } from "./support/outcome.js";
import { request } from "./support/receiving.js";

const base = () => ({ store: memoryStore(), scope: "orders", tenant: false as const });

function refusalOf(options: unknown): { code: string; message: string } {
  try {
    void createGuard(options as GuardOptions).close();
  } catch (error) {
    if (HooklatchError.is(error)) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "none", message: "" };
}

test.each<[option: string, value: unknown]>([
  ["store", undefined],
  ["store", {}],
  ["scope", undefined],
  ["scope", ""],
  ["scope", "\ud800"],
  ["tenant", undefined],
  ["tenant", true],
  ["tenant", "ann"],
  ["required", "yes"],
  ["methods", []],
  ["methods", "POST"],
  ["methods", [1]],
  ["methods", [""]],
  ["methods", ["PO ST"]],
  ["fingerprint", true],
  ["fingerprint", "body"],
  ["shouldStore", false],
  ["retentionMs", 0],
  ["leaseMs", 9],
  ["leaseMs", Number.NaN],
  ["maxRunMs", 0],
  ["maxBodyBytes", -1],
  ["maxBodyBytes", 1.5],
  ["maxResultBytes", "1kb"],
  ["storeTimeoutMs", 20_001],
  ["whenRunning", "queue"],
  ["waitMs", 10_001],
  ["on", () => {}],
  ["retry", {}],
  ["respondWithinMs", 1],
  ["deadLetters", {}],
  ["Methods", ["POST"]],
])("%s: %j is refused, by its name", (option, value) => {
  const { code, message } = refusalOf({ ...base(), [option]: value });
  expect(code).toBe("invalid_option");
  expect(message).toContain(option);
});

test.each([undefined, null, "options", 1])("no options at all (%j)", (options) => {
  expect(refusalOf(options)).toMatchObject({ code: "invalid_option" });
});

test("a store that was refused with its scope is still free", () => {
  const options = base();
  expect(codeOf(() => createGuard({ ...options, waitMs: -1 }))).toBe("invalid_option");
  expect(refusalOf(options).code).toBe("none");
});

test("one live guard for each scope of a store; free again after close()", async () => {
  const options = base();
  const first = createGuard(options);
  expect(codeOf(() => createGuard(options))).toBe("scope_in_use");
  const other = createGuard({ ...options, scope: "other" });
  const elsewhere = createGuard(base());
  await Promise.all([first, other, elsewhere].map((guard) => guard.close()));
  const second = createGuard(options);
  expect(codeOf(() => createGuard(options))).toBe("scope_in_use");
  await second.close();
});

describe("enter", () => {
  test("POST and PATCH by default, in any case; others pass", () => {
    const guard = guarding();
    const headers = { "idempotency-key": "k" };
    for (const method of ["POST", "PATCH", "post"])
      expect(guard.enter(method, headers)).toEqual({ kind: "claim", key: "k" });
    for (const method of ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", ""])
      expect(guard.enter(method, headers)).toEqual({ kind: "pass" });
  });

  test("methods of one's own, in any case", () => {
    const guard = guarding({ methods: ["put"] });
    expect(guard.enter("PUT", { "idempotency-key": "k" }).kind).toBe("claim");
    expect(guard.enter("POST", { "idempotency-key": "k" }).kind).toBe("pass");
  });

  test("a quoted and a bare key are the same one", () => {
    const guard = guarding();
    for (const value of ['"k-1"', "k-1", ' "k-1"', ["k-1"]])
      expect(guard.enter("POST", { "idempotency-key": value })).toEqual({ kind: "claim", key: "k-1" });
  });

  test("no key: pass, or 400 with `required`", () => {
    expect(guarding().enter("POST", {})).toEqual({ kind: "pass" });
    const entry = guarding({ required: true }).enter("POST", {});
    expect(entry).toMatchObject({ kind: "answer", response: { status: 400 } });
  });

  test("needsBody and maxBodyBytes tell adapters what to read", async () => {
    expect(guarding()).toMatchObject({ needsBody: true, maxBodyBytes: 1_048_576 });
    const guard = guarding({ fingerprint: false, maxBodyBytes: 3 });
    expect(guard.needsBody).toBe(false);
    const strict = guarding({ maxBodyBytes: 3 });
    for (const [body, kind] of [
      ["abc", "run"],
      ["abcd", "answer"],
    ] as const)
      expect((await strict.claim(body, request({ body }))).kind).toBe(kind);
  });
});
