import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../src/free-port.js";
import { type RedisOptions, type RedisProcess, redisServer, startRedis } from "../src/index.js";
import { ask } from "../src/resp.js";
import { until } from "../src/until.js";

const fixture = fileURLToPath(new URL("./fixtures/parent.ts", import.meta.url));

async function start(options?: RedisOptions): Promise<RedisProcess> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

/** Not by its pid: where nobody collects orphans, that stays for ever. A paused server still takes connections. */
async function isGone({ port }: { port: number }): Promise<boolean> {
  const problem = await ask({ host: "127.0.0.1", port }, ["PING"], 100).catch((error) => String(error.code));
  return problem === "ECONNREFUSED";
}

/** A process that has ended has no files open, whether it is collected or not. */
function hasOpen(pid: number, file: string): boolean {
  const open = `/proc/${pid}/fd`;
  try {
    return readdirSync(open).some((fd) => readlinkSync(join(open, fd)).endsWith(file));
  } catch {
    return false;
  }
}

/** A process that starts servers and ends without a word to them. They are as it reports them. */
function spawnParent(...args: string[]): ChildProcess {
  const parent = spawn(process.execPath, ["--import", "tsx", fixture, ...args], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  return parent;
}

async function serversOf(parent: ChildProcess): Promise<{ port: number; directory: string }[]> {
  const [servers] = await once(parent, "message");
  // What nobody stopped leaves its files.
  for (const { directory } of servers) onTestFinished(() => rmSync(directory, { recursive: true }));
  return servers;
}

function clientOf(url: string): Redis {
  const client = new Redis(url);
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

describe.skipIf(redisServer() === undefined)("startRedis", () => {
  test("kill() ends with the server what it has forked to save, which would go on writing", async () => {
    const redis = await start({ args: ["--rdb-key-save-delay", "50000"] });
    for (let i = 0; i < 1_000; i++) await ask(redis, ["SET", `key${i}`, "x".repeat(1_000)]);
    await ask(redis, ["BGSAVE"]);
    const saved = () => readdirSync(redis.directory).filter((name) => name.startsWith("temp-"));
    await until("the child has made its file", async () => saved().length === 1);
    const pid = Number(/Background saving started by pid (\d+)/.exec(redis.output())?.[1]);
    const [file = ""] = saved();
    expect(hasOpen(pid, file)).toBe(true);
    // It would find out by itself that its parent is gone, some time later.
    process.kill(pid, "SIGSTOP");
    await redis.kill();
    await until("nobody has it open", async () => !hasOpen(pid, file));
  });

  test("answers at once, on loopback, in a directory of its own, which stop() removes", async () => {
    const redis = await start({ args: ["--maxmemory-policy", "noeviction", "--maxmemory", "64mb"] });
    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
    expect(redis.directory).toContain(" ");
    expect(await ask(redis, ["CONFIG", "GET", "maxmemory"])).toEqual(["maxmemory", String(64 * 2 ** 20)]);
    expect(await ask(redis, ["CONFIG", "GET", "bind"])).toEqual(["bind", "127.0.0.1"]);
    expect(redis.output()).toContain("Ready to accept connections");
    await redis.stop();
    await expect(ask(redis, ["PING"])).rejects.toThrow("ECONNREFUSED");
    expect(existsSync(redis.directory)).toBe(false);
    expect(redis.output()).toContain("Ready to accept connections");
    await redis.stop();
  });

  test("with aof-always a restart keeps what was answered, on the same port; with none it keeps nothing", async () => {
    for (const persistence of ["aof-always", "none"] as const) {
      const redis = await start({ persistence });
      const { pid, port } = redis;
      const client = clientOf(redis.url);
      await client.set("key", "value");
      await redis.kill();
      await expect(ask(redis, ["PING"])).rejects.toThrow("ECONNREFUSED");
      await redis.restart();
      expect(redis.port).toBe(port);
      expect(redis.pid).not.toBe(pid);
      // The client is connected again, too.
      expect(await client.get("key")).toBe(persistence === "aof-always" ? "value" : null);
    }
  });

  test("restart() of a running or paused server kills it first", async () => {
    const redis = await start();
    await redis.restart();
    redis.pause();
    await redis.restart();
    expect(await ask(redis, ["PING"])).toBe("PONG");
  });

  test("a paused server keeps its connections, and answers when it goes on", async () => {
    const redis = await start();
    const client = clientOf(redis.url);
    await client.set("key", "value");
    redis.pause();
    let answered = false;
    const reply = client.get("key").finally(() => {
      answered = true;
    });
    await expect(ask(redis, ["PING"], 200)).rejects.toThrow("does not answer");
    expect(answered).toBe(false);
    redis.resume();
    expect(await reply).toBe("value");
    redis.pause();
    await redis.kill();
  });

  test("a given port and directory are used, and the directory stays", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hooklatch given "));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const port = await freePort();
    const first = await start({ port, directory, persistence: "aof-always" });
    expect(first.port).toBe(port);
    await ask(first, ["SET", "key", "value"]);
    await first.stop();
    const second = await start({ directory, persistence: "aof-always" });
    expect(await ask(second, ["GET", "key"])).toBe("value");
  });

  test("a port that is taken is an error, with the server's own words", async () => {
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    await expect(startRedis({ port })).rejects.toThrow("Address already in use");
    // Another Redis on it would answer PING.
    const redis = await start();
    await expect(startRedis({ port: redis.port })).rejects.toThrow("Address already in use");
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow("no-such-setting");
  });

  test("twenty that start at once all start", async () => {
    const servers = await Promise.all(Array.from({ length: 20 }, () => start()));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(20);
    for (const { port } of servers) expect(port).toBeLessThan(20_000);
  });

  test("no server outlives the process that started it, not even after kill -9", async () => {
    const parent = spawnParent("stay");
    const servers = await serversOf(parent);
    for (const server of servers) expect(await isGone(server)).toBe(false);
    parent.kill("SIGKILL");
    for (const server of servers)
      await until("it is gone, paused or not", () => isGone(server), { ms: 5_000 });
  });

  test("a server that nobody stopped does not keep its parent from ending, and ends with it", async () => {
    const parent = spawnParent("leave");
    const exited = once(parent, "exit");
    const servers = await serversOf(parent);
    expect(await exited).toEqual([0, null]);
    for (const server of servers) await until("it is gone", () => isGone(server), { ms: 5_000 });
  });
});
