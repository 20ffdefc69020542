/** The suites are only as good as what they reject: each broken store and queue must fail a case that is named beforehand. */
import { describe, expect, it } from "vitest";
import { type ContractCase, deadLetterContract, storeContract } from "../src/index.js";
import { lifeStore } from "./life-store.js";
import { inMemory, perSpace } from "./memory.js";
import { plainQueue } from "./plain-queue.js";
import type { QueueMutant } from "./queue-mutant.js";
import { queueMutants } from "./queue-mutants.js";
import { storeMutants } from "./store-mutants.js";

async function failing(cases: readonly ContractCase[]): Promise<string[]> {
  const failed = await Promise.all(
    cases.map(({ name, run }) =>
      run().then(
        () => [],
        () => [name],
      ),
    ),
  );
  return failed.flat();
}

function expectCaught(caughtBy: readonly string[], failed: readonly string[]): void {
  const missed = caughtBy.filter((beginning) => !failed.some((name) => name.startsWith(beginning)));
  expect(missed, `these cases passed; failed were:\n${failed.map((name) => `  ${name}`).join("\n")}`).toEqual(
    [],
  );
}

describe("a store", () => {
  it("that is not broken passes", async () => {
    expect(await failing(storeContract(inMemory((now) => lifeStore(now))))).toEqual([]);
  });

  for (const { flaw, caughtBy, open } of storeMutants) {
    it(`fails where ${flaw}`, async () =>
      expectCaught(caughtBy, await failing(storeContract(inMemory(open)))));
  }
});

describe("a dead-letter queue", () => {
  const contract = (open: QueueMutant["open"]) =>
    deadLetterContract({ sharedConnection: true, open: perSpace(open) });

  it("that is not broken passes", async () => {
    expect(await failing(contract(plainQueue))).toEqual([]);
  });

  for (const { flaw, caughtBy, open } of queueMutants) {
    it(`fails where ${flaw}`, async () => expectCaught(caughtBy, await failing(contract(open))));
  }
});
