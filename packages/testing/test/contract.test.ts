import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type IdempotencyStore, memoryDeadLetters, memoryStore } from "@hooklatch/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContractCase, deadLetterContract, type StoreHarness, storeContract } from "../src/index.js";
import { inMemory, perSpace } from "./memory.js";

// Plain JavaScript, because child processes run it as it is.
const socketStore = new URL("./fixtures/socket-store.mjs", import.meta.url).href;
const { default: connect, serve } = (await import(socketStore)) as {
  default(argument: { path: string; space: string }): Promise<IdempotencyStore>;
  serve(path: string, storeOf: (space: string) => unknown): Promise<() => Promise<void>>;
};

describe("memoryStore", () => {
  for (const { name, run } of storeContract(inMemory((now) => memoryStore({ now })))) it(name, run);
});

describe("memoryStore, on the real clock, all cases at once", () => {
  const harness: StoreHarness = { sharedConnection: true, open: perSpace(() => memoryStore()) };
  for (const { name, run } of storeContract(harness)) it.concurrent(name, run);
});

describe("memoryStore, behind a socket, used by several connections and processes", () => {
  const directory = mkdtempSync(join(tmpdir(), "hooklatch-testing-"));
  const path = join(directory, "socket");
  const memory = inMemory((now) => memoryStore({ now }));
  let stop: () => Promise<void>;
  beforeAll(async () => {
    stop = await serve(path, memory.open);
  });
  afterAll(async () => {
    await stop();
    rmSync(directory, { recursive: true });
  });

  const cases = storeContract({
    open: (space) => connect({ path, space }),
    advance: memory.advance,
    child: (space) => ({ module: socketStore, argument: { path, space } }),
  });
  for (const { name, run } of cases) it(name, run);
});

describe("memoryDeadLetters", () => {
  const cases = deadLetterContract({ sharedConnection: true, open: perSpace(memoryDeadLetters) });
  for (const { name, run } of cases) it.concurrent(name, run);
});

describe("the list of cases", () => {
  const open = (): never => {
    throw new Error("not opened");
  };
  const names = (cases: ContractCase[]): string[] => cases.map(({ name }) => name);

  it("names each case once, and leaves out what a harness says does not apply", () => {
    const all = names(storeContract({ open, child: open }));
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((name) => name.startsWith("processes: "))).toHaveLength(3);
    expect(all.some((name) => name.startsWith("scopes: "))).toBe(true);
    const fewer = names(storeContract({ open, without: ["purge", "close", "scopes"] }));
    const left = (name: string): boolean => !/^(processes|purge|close|scopes): /.test(name);
    expect(fewer).toEqual(all.filter(left));
  });

  it("leaves out what a queue does not have", () => {
    const all = names(deadLetterContract({ open }));
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((name) => name.startsWith("expired: ")).length).toBeGreaterThan(5);
    const fewer = names(deadLetterContract({ open, without: ["expired", "close"] }));
    expect(fewer).toEqual(all.filter((name) => !/^(expired|close): /.test(name)));
  });

  it("fails a case whose store cannot be opened", async () => {
    for (const { run } of [...storeContract({ open }), ...deadLetterContract({ open })]) {
      await expect(run()).rejects.toThrow("not opened");
    }
  });
});

describe("processes", () => {
  const directory = mkdtempSync(join(tmpdir(), "hooklatch-testing-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const module = fileURLToPath(new URL("./fixtures/counter-store.mjs", import.meta.url));

  async function outcomes(argument: object, execArgv?: string[]): Promise<Record<string, string>> {
    const harness: StoreHarness = {
      ...inMemory((now) => memoryStore({ now })),
      child: () => ({ module, argument: { directory, ...argument }, execArgv }),
    };
    const claims = storeContract(harness).filter(({ name }) =>
      /^processes: .* claim the same keys/.test(name),
    );
    const results: Record<string, string> = {};
    for (const { name, run } of claims)
      results[name] = await run().then(
        () => "passed",
        (error: Error) => error.message,
      );
    return results;
  }

  it("pass a store that gives each key once, over all processes", async () => {
    expect(Object.values(await outcomes({ atomic: true }))).toEqual(["passed"]);
  });

  it("fail one that gives it once for each process", async () => {
    expect(Object.values(await outcomes({ atomic: false }))[0]).toMatch(/deep/i);
  });

  it("fail, with what the process said, when the store cannot be opened", async () => {
    expect(Object.values(await outcomes({ broken: true }))[0]).toContain("cannot be opened");
    expect(Object.values(await outcomes({}, ["--no-such-option"]))[0]).toContain("no-such-option");
  });
});
