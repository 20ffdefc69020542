import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { redisServer, redisUrl, startRedis } from "../src/index.js";
import { type Address, ask } from "../src/resp.js";
import { provideRedis } from "../src/vitest-redis.js";

const empty = mkdtempSync(join(tmpdir(), "hooklatch empty "));
afterAll(() => rmSync(empty, { recursive: true }));

const URL_VARIABLE = "HOOKLATCH_TEST_REDIS_URL";
const SERVER_VARIABLE = "HOOKLATCH_TEST_REDIS_SERVER";

function addressOf(url: string | undefined): Address {
  const { hostname, port } = new URL(url ?? "");
  return { host: hostname, port: Number(port) };
}

async function provide(env: NodeJS.ProcessEnv) {
  const said: string[] = [];
  const tearDown = await provideRedis(env, (text) => said.push(text));
  onTestFinished(tearDown);
  return { env, said: said.join("\n"), tearDown };
}

describe("where there is no server", () => {
  test("says what is left out and why, and goes on", async () => {
    const { env, said } = await provide({ PATH: empty, [URL_VARIABLE]: "stale", [SERVER_VARIABLE]: "stale" });
    expect(env).toEqual({ PATH: empty });
    expect(said).toContain("there is no redis-server or valkey-server on the PATH, and REDIS_URL is not set");
    expect(said).toMatch(/Left out are the tests that need Redis; they are in .*packages\/servers/);
    expect(said).toContain("Install Redis or Valkey");
  });

  test("fails with what to do where Redis is required", async () => {
    await expect(provide({ PATH: empty, HOOKLATCH_TEST_REDIS: "required" })).rejects.toThrow(
      /Tests need Redis: .* Install Redis or Valkey .*set REDIS_URL/,
    );
  });

  test("fails where nothing answers at REDIS_URL, without a word of its password", async () => {
    const failure = provide({ PATH: empty, REDIS_URL: "redis://:secret@127.0.0.1:1" });
    await expect(failure).rejects.toThrow("REDIS_URL is set, but no server answers there");
    await expect(failure).rejects.not.toThrow("secret");
  });
});

describe.skipIf(redisServer() === undefined)("where there is a server", () => {
  test("this run has one, which never evicts", async () => {
    expect(await ask(addressOf(redisUrl()), ["CONFIG", "GET", "maxmemory-policy"])).toEqual([
      "maxmemory-policy",
      "noeviction",
    ]);
  });

  test("starts one from the PATH, and stops it at the end", async () => {
    const { env, said, tearDown } = await provide({
      PATH: process.env.PATH,
      HOOKLATCH_TEST_REDIS: "required",
    });
    expect(env[SERVER_VARIABLE]).toBe(redisServer());
    const address = addressOf(env[URL_VARIABLE]);
    expect(address).not.toEqual(addressOf(redisUrl()));
    expect(await ask(address, ["PING"])).toBe("PONG");
    expect(said).toBe("");
    await tearDown();
    await expect(ask(address, ["PING"])).rejects.toThrow("ECONNREFUSED");
  });

  test("uses REDIS_URL, password included, and leaves that server running", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    await ask(redis, ["CONFIG", "SET", "requirepass", "secret"]);
    const REDIS_URL = `redis://:secret@127.0.0.1:${redis.port}/1`;
    const { env, said, tearDown } = await provide({ PATH: process.env.PATH, REDIS_URL });
    expect(env[URL_VARIABLE]).toBe(REDIS_URL);
    expect(said).toBe("");
    await tearDown();
    await expect(ask(redis, ["PING"])).rejects.toThrow("NOAUTH");

    const wrong = { PATH: process.env.PATH, REDIS_URL: `redis://:wrong@127.0.0.1:${redis.port}` };
    await expect(provide(wrong)).rejects.toThrow(/no server answers there.*WRONGPASS/);
  });

  test("without a binary REDIS_URL is enough, but tests that start servers are left out", async () => {
    const env = { PATH: empty, REDIS_URL: redisUrl(), HOOKLATCH_TEST_REDIS: "required" };
    const { said } = await provide(env);
    expect(env).not.toHaveProperty(SERVER_VARIABLE);
    expect(said).toContain(
      "Left out are the tests that start servers of their own: cluster, sentinel, faults",
    );
  });
});
