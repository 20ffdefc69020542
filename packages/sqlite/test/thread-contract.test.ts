/** The store with its thread keeps the same contract, on the real clock: it has no other one. */
import { fileURLToPath } from "node:url";
import { sqliteStore } from "@hooklatch/sqlite";
import { storeContract } from "@hooklatch/testing";
import { describe, it, vi } from "vitest";
import { bundle } from "./bundled-thread.js";
import { scratch } from "./support.js";

vi.mock("node:worker_threads", async (original) => {
  const { withBundledThread } = await import("./bundled-thread.js");
  return withBundledThread(await original());
});

const file = scratch("thread contract");

describe("sqliteStore with a thread keeps the store contract", () => {
  const module = fileURLToPath(new URL("./fixtures/open-thread-store.mjs", import.meta.url));
  const cases = storeContract({
    open: (space) => sqliteStore(file(`${space}.db`), { thread: true }),
    child: (space) => ({ module, argument: { bundle, path: file(`${space}.db`) } }),
  });
  for (const { name, run } of cases) it(name, run);
});
