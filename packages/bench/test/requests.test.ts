/** What a request asks of its store, whatever the store's speed: more than this is a change that no benchmark would have to find. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Calls, callsOf, type Meter, ONE_BY_ONE } from "../src/costs/calls.js";
import { ENGINES, type EngineName } from "../src/costs/engines.js";
import { redisMeter } from "../src/costs/redis-meter.js";
import { sqliteMeter } from "../src/costs/sqlite-meter.js";

async function callsOn(meter: Meter, engine: EngineName): Promise<Calls> {
  try {
    return await callsOf(meter, engine);
  } finally {
    await meter.stop();
  }
}

describe.skipIf(redisServer() === undefined)("on Redis", () => {
  /** Its own: MONITOR shows the commands of everybody. */
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it.each(ENGINES)("%s: two commands for a new request, one for a duplicate", async (engine) => {
    const calls = await callsOn(redisMeter(server.url), engine);
    expect(calls.new.oneByOne).toEqual({ evalsha: 2 * ONE_BY_ONE });
    expect(calls.duplicate.oneByOne).toEqual({ evalsha: ONE_BY_ONE });
    // As many for requests that arrive together, up to a few: what is answered in one turn may be spread over two.
    expect(Object.keys(calls.new.atOnce)).toEqual(["evalsha"]);
    expect(calls.new.atOnce.evalsha).toBeLessThanOrEqual(4);
    expect(calls.duplicate.atOnce.evalsha).toBeLessThanOrEqual(2);
  });
});

describe("on SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "hooklatch requests "));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(ENGINES)(
    "%s: two transactions for a new request, and for 64 that arrive together; none for a duplicate",
    async (engine) => {
      const calls = await callsOn(sqliteMeter(join(folder, `${engine}.db`)), engine);
      expect(calls.new.oneByOne).toMatchObject({ BEGIN: 2 * ONE_BY_ONE, COMMIT: 2 * ONE_BY_ONE });
      expect(calls.new.atOnce).toMatchObject({ BEGIN: 2, COMMIT: 2 });
      expect(Object.keys(calls.duplicate.oneByOne)).toEqual(["SELECT"]);
      expect(Object.keys(calls.duplicate.atOnce)).toEqual(["SELECT"]);
    },
  );
});
