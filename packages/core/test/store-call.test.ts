import { expect, onTestFinished, test, vi } from "vitest";
import { createStoreCall, storeCall } from "../src/store-call.js";
import { gate } from "./support/eventually.js";

const calls = {
  "with a limit that it shares": () => createStoreCall(30),
  "with a limit of its own":
    () =>
    <T>(operation: () => Promise<T>) =>
      storeCall(operation, 30),
};

test.each(Object.keys(calls) as (keyof typeof calls)[])(
  "a call %s that fails after its time is over is not sent again, and rejects once",
  async (name) => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    onTestFinished(() => void process.off("unhandledRejection", unhandled));
    const answer = gate<Error>();
    const operation = vi.fn(async () => {
      throw await answer.promise;
    });
    await expect(calls[name]()(operation)).rejects.toMatchObject({ code: "store_timeout" });
    answer.open(new Error("too late"));
    // Rejections that nobody handles are told after the microtasks.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(unhandled).not.toHaveBeenCalled();
    expect(operation).toHaveBeenCalledTimes(1);
  },
);

test("one that fails in time is sent again, and what throws at once is a failure like any other", async () => {
  let sent = 0;
  const operation = (): Promise<string> => {
    if (++sent === 1) throw new Error("at once");
    return sent === 2 ? Promise.reject(new Error("later")) : Promise.resolve("answer");
  };
  expect(await createStoreCall(5_000)(operation)).toBe("answer");
  expect(sent).toBe(3);
});
