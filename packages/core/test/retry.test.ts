/** The retry policy: how long to wait, and whether to try again. */
import {
  HooklatchError,
  memoryStore,
  NonRetryableError,
  RetryAfterError,
  type RetryOptions,
} from "@hooklatch/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { resolveOptions } from "../src/options.js";
import { delayAfter, isRetryable, retryAttempts } from "../src/retry.js";

const policy = (retry?: RetryOptions | false) =>
  resolveOptions({ store: memoryStore(), scope: "s", retry }).retry;
const delays = (retry: RetryOptions, random?: () => number) =>
  [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => delayAfter(policy(retry), new Error("x"), attempt, random));

describe("delays", () => {
  test("none: 1, 2, 4 s and so on, up to a minute", () => {
    expect(delays({ jitter: "none" })).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  test("full (the default): from nothing to the delay", () => {
    expect(delays({}, () => 0)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(delays({}, () => 0.5).slice(0, 3)).toEqual([500, 1_000, 2_000]);
    const longest = delays({}, () => 1 - Number.EPSILON);
    for (const [i, cap] of [1_000, 2_000, 4_000].entries()) {
      expect(longest[i]).toBeLessThan(cap);
      expect(longest[i]).toBeGreaterThan(cap - 1);
    }
  });

  test("equal: from half of the delay to the whole", () => {
    expect(delays({ jitter: "equal" }, () => 0).slice(0, 3)).toEqual([500, 1_000, 2_000]);
    expect(delays({ jitter: "equal" }, () => 0.5).slice(0, 3)).toEqual([750, 1_500, 3_000]);
    expect(delays({ jitter: "equal" }, () => 1 - Number.EPSILON)[0]).toBeLessThan(1_000);
  });

  test("full jitter is uniform: 10 000 failures at once do not come back at once", () => {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const bucket = Math.floor(delayAfter(policy(), new Error("x"), 1) / 100);
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    for (const count of buckets) expect(count).toBeGreaterThan(800);
    for (const count of buckets) expect(count).toBeLessThan(1_200);
  });

  test("an initial delay and a multiplier of one's own", () => {
    expect(
      delays({ jitter: "none", initialDelayMs: 10, multiplier: 3, maxDelayMs: 200 }).slice(0, 4),
    ).toEqual([10, 30, 90, 200]);
    expect(delays({ jitter: "none", initialDelayMs: 10, multiplier: 1 }).slice(0, 3)).toEqual([10, 10, 10]);
    expect(delays({ jitter: "none", initialDelayMs: 0 }).slice(0, 3)).toEqual([0, 0, 0]);
    expect(delays({ jitter: "none", initialDelayMs: 500, maxDelayMs: 100 })[0]).toBe(100);
  });

  test("the longest policy stays finite", () => {
    const longest = policy({ jitter: "none", maxAttempts: 1_000, multiplier: 1_000, maxDelayMs: 5_000 });
    expect(delayAfter(longest, new Error("x"), 1_000)).toBe(5_000);
    expect(
      delayAfter(policy({ initialDelayMs: 0, multiplier: 1_000, jitter: "none" }), new Error("x"), 999),
    ).toBe(0);
  });
});

describe("RetryAfterError", () => {
  afterEach(() => void vi.useRealTimers());
  const after = (retryAfter: number | Date) =>
    delayAfter(policy(), new RetryAfterError("later", retryAfter), 1);

  test("chooses the delay, without jitter, up to maxDelayMs", () => {
    expect(after(1_234)).toBe(1_234);
    expect(after(1e9)).toBe(60_000);
    expect(after(Number.POSITIVE_INFINITY)).toBe(60_000);
    expect(after(2 ** 31)).toBe(60_000);
  });

  test.each([0, -1, -1e9, Number.NaN, Number.NEGATIVE_INFINITY, new Date(0), new Date(Number.NaN)])(
    "%s means now, never a failure",
    (given) => {
      expect(after(given)).toBe(0);
    },
  );

  test("a moment counts from now", () => {
    vi.useFakeTimers({ now: 1_000_000 });
    expect(after(new Date(1_005_000))).toBe(5_000);
    expect(after(new Date(2_000_000))).toBe(60_000);
  });
});

describe("whether another attempt follows", () => {
  const retried = (error: unknown, attempt = 1, retry?: RetryOptions | false) =>
    isRetryable(policy(retry), error, attempt);

  test.each([new Error("x"), "text", undefined, null, 42, new RetryAfterError("later", 1)])(
    "%s is retried",
    (error) => {
      expect(retried(error)).toBe(true);
    },
  );

  test("four attempts by default, one with retry: false", () => {
    expect([1, 2, 3, 4, 5].map((attempt) => retried(new Error("x"), attempt))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(retried(new Error("x"), 1, false)).toBe(false);
    expect(retried(new RetryAfterError("later", 1), 4)).toBe(false);
  });

  test("a NonRetryableError is not, and retryIf is not asked", () => {
    const retryIf = vi.fn(() => true);
    expect(retried(new NonRetryableError("no"), 1, { retryIf })).toBe(false);
    expect(retryIf).not.toHaveBeenCalled();
  });

  test("a coded error only if it is retryable", () => {
    expect(retried(new HooklatchError("invalid_json", "x"))).toBe(false);
    expect(retried(new HooklatchError("handler_status", "x", { retryable: true }))).toBe(true);
  });

  test("retryIf decides, with the error and the attempt", () => {
    const error = new Error("x");
    const retryIf = vi.fn((_: unknown, attempt: number) => attempt < 2);
    expect(retried(error, 1, { retryIf })).toBe(true);
    expect(retried(error, 2, { retryIf })).toBe(false);
    expect(retryIf.mock.calls).toEqual([
      [error, 1],
      [error, 2],
    ]);
  });

  test("a broken retryIf must not bury events", () => {
    const retryIf = () => {
      throw new Error("broken");
    };
    expect(retried(new Error("x"), 1, { retryIf })).toBe(true);
    expect(retried(new Error("x"), 4, { retryIf })).toBe(false);
  });

  test("an error that cannot even be looked at is retried like any other", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(retried(proxy)).toBe(true);
    expect(delayAfter(policy({ jitter: "none" }), proxy, 1)).toBe(1_000);
  });
});

const first = new Error("run 1");

describe("retryAttempts (exponential-backoff)", () => {
  test("runs until one succeeds, and asks before each further one", async () => {
    let runs = 1;
    const again = vi.fn(async (_: unknown) => true);
    const result = await retryAttempts(
      first,
      async () => {
        if (++runs < 4) throw new Error(`run ${runs}`);
        return "done";
      },
      again,
    );
    expect(result).toBe("done");
    expect(again.mock.calls.map(([error]) => (error as Error).message)).toEqual(["run 1", "run 2", "run 3"]);
  });

  test("ends with the last error as soon as nobody wants another one", async () => {
    let runs = 1;
    const attempt = async () => {
      throw new Error(`run ${++runs}`);
    };
    await expect(retryAttempts(first, attempt, async () => runs < 3)).rejects.toThrow("run 3");
    expect(runs).toBe(3);
  });

  test("adds no wait of its own, however many attempts there are", async () => {
    let runs = 0;
    const from = performance.now();
    await retryAttempts(
      first,
      async () => {
        if (++runs < 100) throw new Error("again");
      },
      async () => true,
    );
    expect(performance.now() - from).toBeLessThan(1_500);
  });

  test("fails with what `again` throws", async () => {
    const broken = async () => {
      throw new Error("broken");
    };
    const attempt = () => Promise.reject(new Error("x"));
    await expect(retryAttempts(first, attempt, broken)).rejects.toThrow("broken");
  });
});
