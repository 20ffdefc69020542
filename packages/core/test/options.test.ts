/** Options: a wrong one is a coded error when the handler is made, naming the option and its fix. */
import {
  createReceiver,
  HooklatchError,
  type IdempotencyOptions,
  jsonCodec,
  memoryDeadLetters,
  memoryStore,
  type ReceiverOptions,
  withIdempotency,
} from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { resolveOptions } from "../src/options.js";

const base = () => ({ store: memoryStore(), scope: "orders" });
const errorOf = (make: () => unknown): unknown => {
  try {
    make();
    return undefined;
  } catch (error) {
    return error;
  }
};
/** Tries the option with both kinds of handler; both must refuse it. */
function refusal(options: unknown): string {
  const messages = [
    () => withIdempotency(() => 1, options as IdempotencyOptions<unknown>),
    () => createReceiver(() => 1, options as ReceiverOptions),
  ].map((make) => {
    const error = errorOf(make);
    expect(HooklatchError.is(error, "invalid_option"), `is refused: ${String(error)}`).toBe(true);
    return (error as Error).message;
  });
  expect(messages[0]).toBe(messages[1]);
  return messages[0] as string;
}

const NUMBERS: [option: string, least: number, most: number][] = [
  ["retentionMs", 1, 100 * 366 * 86_400_000],
  ["maxResultBytes", 0, 512 * 1024 * 1024],
  ["leaseMs", 10, 2 ** 31 - 1],
  ["maxRunMs", 1, 2 ** 31 - 1],
  ["respondWithinMs", 0, Number.POSITIVE_INFINITY],
  ["waitMs", 0, 10_000],
  ["maxRunning", 1, 100_000],
  ["storeTimeoutMs", 1, 20_000],
  ["retry.maxAttempts", 1, 1_000],
  ["retry.initialDelayMs", 0, 366 * 86_400_000],
  ["retry.multiplier", 1, 1_000],
  ["retry.maxDelayMs", 0, 366 * 86_400_000],
  ["worker.concurrency", 1, 100_000],
  ["worker.pollMs", 1, 2 ** 31 - 1],
];
const WHOLE = ["maxRunning", "retry.maxAttempts", "worker.concurrency"];

function having(option: string, value: unknown): Record<string, unknown> {
  const [name, inner] = option.split(".") as [string, string | undefined];
  return { ...base(), [name]: inner === undefined ? value : { [inner]: value } };
}
const resolved = (option: string, value: unknown): unknown => {
  const settings = resolveOptions(having(option, value) as never) as unknown as Record<string, unknown>;
  const [name, inner] = option.split(".") as [string, string | undefined];
  return inner === undefined ? settings[name] : (settings[name] as Record<string, unknown>)[inner];
};

describe("numbers", () => {
  test.each(NUMBERS)("%s: from %d to %d, and nothing else", (option, least, most) => {
    expect(resolved(option, least)).toBe(least);
    expect(resolved(option, most)).toBe(most);
    const wrong = [least - 1, Number.NaN, Number.NEGATIVE_INFINITY, "1000", null, 10n, {}, true];
    if (most !== Number.POSITIVE_INFINITY) wrong.push(most + 1, Number.POSITIVE_INFINITY);
    if (WHOLE.includes(option)) wrong.push(1.5);
    for (const value of wrong) expect(refusal(having(option, value))).toContain(`\`${option}\``);
  });

  test("storeTimeoutMs is at most a third of leaseMs, and by default no more", () => {
    expect(refusal({ ...base(), leaseMs: 900, storeTimeoutMs: 301 })).toContain("`storeTimeoutMs`");
    expect(resolveOptions({ ...base(), leaseMs: 900 }).storeTimeoutMs).toBe(300);
    expect(resolveOptions({ ...base(), leaseMs: 900, storeTimeoutMs: 300 }).storeTimeoutMs).toBe(300);
  });
});

describe("everything else", () => {
  const { store, scope } = base();
  test.each<[named: string, options: unknown]>([
    ["store", { scope }],
    ["store", { scope, store: null }],
    ["store", { scope, store: "events.db" }],
    ["store", { scope, store: {} }],
    ["store", null],
    ["store", undefined],
    ["scope", { store }],
    ["scope", { store, scope: "" }],
    ["scope", { store, scope: 7 }],
    ["scope", { store, scope: () => "x" }],
    ["scope", { store, scope: "x".repeat(1_025) }],
    ["scope", { store, scope: "\ud800" }],
    ["tenant", { store, scope, tenant: "t" }],
    ["tenant", { store, scope, tenant: false }],
    ["tenant", { store, scope, tenant: null }],
    ["key", { store, scope, key: "id" }],
    ["fingerprint", { store, scope, fingerprint: true }],
    ["fingerprint", { store, scope, fingerprint: "body" }],
    ["whenRunning", { store, scope, whenRunning: "wiat" }],
    ["redelivery", { store, scope, redelivery: true }],
    ["retry", { store, scope, retry: true }],
    ["retry", { store, scope, retry: 4 }],
    ["retry.jitter", { store, scope, retry: { jitter: "some" } }],
    ["retry.retryIf", { store, scope, retry: { retryIf: true } }],
    ["retry.attempts", { store, scope, retry: { attempts: 3 } }],
    ["worker", { store, scope, worker: true }],
    ["worker.poll", { store, scope, worker: { poll: 5 } }],
    ["deadLetters", { store, scope, deadLetters: {} }],
    ["deadLetters", { store, scope, deadLetters: null }],
    ["on", { store, scope, on: () => {} }],
    ["on", { store, scope, on: null }],
    ["on.complete", { store, scope, on: { complete: () => {} } }],
    ["on.dead", { store, scope, on: { dead: true } }],
    ["onDead", { store, scope, onDead: () => {} }],
    ["ttl", { store, scope, ttl: 1 }],
  ])("`%s` is named (%#)", (named, options) => {
    // `null` and `undefined` as options: the function names `options`, the receiver the first thing that is missing.
    if (options === null || options === undefined) {
      for (const make of [withIdempotency, createReceiver] as const) {
        expect(
          HooklatchError.is(
            errorOf(() => make(() => 1, options as never)),
            "invalid_option",
          ),
        ).toBe(true);
      }
      return;
    }
    expect(refusal(options)).toContain(`\`${named}\``);
  });

  test("a codec needs all four parts", () => {
    const codec = jsonCodec<unknown, unknown>();
    for (const missing of Object.keys(codec)) {
      const make = () =>
        withIdempotency(() => 1, { ...base(), codec: { ...codec, [missing]: undefined } as never });
      expect(HooklatchError.is(errorOf(make), "invalid_option"), `without ${missing}`).toBe(true);
    }
    const make = () => withIdempotency(() => 1, { ...base(), codec: "json" as never });
    expect(String(errorOf(make))).toContain("`codec`");
  });

  test.each([
    ["verify", { verify: true }],
    ["redact", { redact: ["cookie"] }],
    ["maxBodyBytes", { maxBodyBytes: -1 }],
    ["maxBodyBytes", { maxBodyBytes: "1mb" }],
    ["maxBodyBytes", { maxBodyBytes: 2 ** 30 + 1 }],
    ["maxBodyBytes", { maxBodyBytes: 1.5 }],
    ["deadLetterStatus", { deadLetterStatus: 199 }],
    ["deadLetterStatus", { deadLetterStatus: 600 }],
    ["codec", { codec: jsonCodec() }],
  ])("of receivers only: `%s` is named: %o", (named, options) => {
    const error = errorOf(() => createReceiver(() => 1, { ...base(), ...options } as never));
    expect(HooklatchError.is(error, "invalid_option")).toBe(true);
    expect((error as Error).message).toContain(`\`${named}\``);
  });

  test("a handler that is no function is refused by both", () => {
    for (const make of [withIdempotency, createReceiver] as const) {
      const error = errorOf(() => make({} as never, base() as never));
      expect(HooklatchError.is(error, "invalid_option"), make.name).toBe(true);
    }
  });
});

describe("defaults", () => {
  test("are those of the documentation, also where `undefined` is given", () => {
    const given: IdempotencyOptions<unknown> = {
      ...base(),
      leaseMs: undefined,
      retry: undefined,
      worker: undefined,
    };
    const { store: _, ...settings } = resolveOptions(given);
    expect(settings).toMatchObject({
      scope: "orders",
      retentionMs: 86_400_000,
      maxResultBytes: 262_144,
      leaseMs: 60_000,
      maxRunMs: 300_000,
      respondWithinMs: Number.POSITIVE_INFINITY,
      whenRunning: "answer",
      waitMs: 10_000,
      redelivery: "rerun",
      maxRunning: 100,
      worker: { concurrency: 10, pollMs: 1_000 },
      storeTimeoutMs: 2_000,
      retry: { maxAttempts: 4, initialDelayMs: 1_000, multiplier: 2, maxDelayMs: 60_000, jitter: "full" },
    });
    expect(createReceiver(() => 1, { ...base() }).maxBodyBytes).toBe(1_048_576);
  });

  test("retry: false is one attempt, worker: false is none", () => {
    expect(resolveOptions({ ...base(), retry: false }).retry.maxAttempts).toBe(1);
    expect(resolveOptions({ ...base(), worker: false }).worker).toBe(false);
  });

  test("all options at once", async () => {
    const handler = withIdempotency((n: number) => n, {
      ...base(),
      tenant: () => "t",
      key: () => "k",
      fingerprint: false,
      codec: jsonCodec<number, unknown>(),
      deadLetters: memoryDeadLetters(),
      on: {},
    });
    expect(await handler(7)).toMatchObject({ status: "completed", value: 7 });
    await handler.close();
  });
});

describe("one live handler for each scope of a store", () => {
  test("a second one is scope_in_use, of whichever kind, until the first one is closed", async () => {
    const options = base();
    const first = withIdempotency(() => 1, options);
    for (const make of [withIdempotency, createReceiver] as const) {
      const error = errorOf(() => make(() => 2, options));
      expect(HooklatchError.is(error, "scope_in_use")).toBe(true);
      expect((error as Error).message).toContain('"orders"');
    }
    await first.close();
    const second = createReceiver(() => 2, options);
    expect(
      HooklatchError.is(
        errorOf(() => withIdempotency(() => 1, options)),
        "scope_in_use",
      ),
    ).toBe(true);
    await second.close();
    await second.close();
    await withIdempotency(() => 1, options).close();
  });

  test("another scope, or another store object, is no conflict", async () => {
    const options = base();
    const handlers = [
      withIdempotency(() => 1, options),
      withIdempotency(() => 1, { ...options, scope: "Orders" }),
      withIdempotency(() => 1, base()),
    ];
    await Promise.all(handlers.map((handler) => handler.close()));
  });

  test("a construction that was refused occupies nothing", async () => {
    const options = base();
    expect(errorOf(() => createReceiver(() => 1, { ...options, maxBodyBytes: -1 }))).toBeDefined();
    expect(errorOf(() => withIdempotency(() => 1, { ...options, leaseMs: -1 }))).toBeDefined();
    await withIdempotency(() => 1, options).close();
  });
});
