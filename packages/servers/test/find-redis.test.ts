import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findRedis, whyNoRedis } from "../src/find-redis.mjs";
import { installRedis } from "../src/install-redis.mjs";

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "hooklatch bin "));
});
afterEach(() => rmSync(bin, { recursive: true }));

/** Puts a program on the fake PATH that prints one line. */
function program(name: string, prints = "", folder = bin): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho '${prints}'\n`);
  chmodSync(join(folder, name), 0o755);
}

const REDIS = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0";
const VALKEY = "Valkey server v=8.1.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1";

describe("findRedis", () => {
  test("finds redis-server, before valkey-server", () => {
    program("valkey-server", VALKEY);
    program("redis-server", REDIS);
    expect(findRedis(bin)).toEqual({ path: join(bin, "redis-server"), kind: "redis", version: "7.0.15" });
  });

  test("finds valkey-server in a later folder, through a link, with an absolute path", () => {
    const later = join(bin, "later");
    mkdirSync(later);
    program("real", VALKEY, later);
    symlinkSync(join(later, "real"), join(later, "valkey-server"));
    const path = ["", bin, join(bin, "missing"), later].join(delimiter);
    expect(findRedis(path)).toEqual({ path: join(later, "valkey-server"), kind: "valkey", version: "8.1.4" });
  });

  test("finds nothing on an empty PATH, and says why", () => {
    expect(findRedis(bin)).toBeUndefined();
    expect(whyNoRedis(bin)).toBe("there is no redis-server or valkey-server on the PATH");
  });

  test("takes neither a folder nor a file that may not be run", () => {
    mkdirSync(join(bin, "redis-server"));
    writeFileSync(join(bin, "valkey-server"), "");
    expect(findRedis(bin)).toBeUndefined();
  });

  test("does not take a server that is too old, or that does not run", () => {
    program("redis-server", "Redis server v=6.0.16 sha=00000000:0");
    expect(findRedis(bin)).toBeUndefined();
    expect(whyNoRedis(bin)).toBe(`${join(bin, "redis-server")} is too old: 6.0.16`);
    program("redis-server", "cannot open shared object file");
    expect(whyNoRedis(bin)).toBe(`${join(bin, "redis-server")} does not run`);
    program("redis-server", "Redis server v=6.2.0 sha=00000000:0");
    expect(findRedis(bin)?.version).toBe("6.2.0");
  });
});

describe("installRedis", () => {
  /** Plays the package managers: `codes` by the words that a command has in it; the last one that fits decides. Default: 0. */
  function play(codes: Record<string, number>, installs: string | undefined = "redis-server") {
    const commands: string[] = [];
    const run = async (command: string, args: string[]) => {
      const line = [command, ...args].join(" ");
      commands.push(line);
      const code = Object.entries(codes).findLast(([words]) => line.includes(words))?.[1] ?? 0;
      if (code === 0 && installs && / (install|add) .*\b(redis|valkey)/.test(line)) {
        program(installs, installs === "redis-server" ? REDIS : VALKEY);
      }
      return { code, output: code === 0 ? "" : `E: ${line} went wrong` };
    };
    return { commands, run };
  }

  const APT = "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends";

  test("apt-get: updates, installs, and stops and disables the service that the package has started", async () => {
    program("apt-get");
    // Not there before, and stopped afterwards.
    const { commands, run } = play({ "service redis-server status": 3 });
    const logged: string[] = [];
    const server = await installRedis({ run, path: bin, root: true, log: (text) => logged.push(text) });
    expect(server.path).toBe(join(bin, "redis-server"));
    expect(commands).toEqual([
      "apt-get update",
      "service redis-server status",
      `${APT} redis-server`,
      "service redis-server stop",
      "systemctl disable redis-server",
      "update-rc.d redis-server disable",
      "service redis-server status",
    ]);
    expect(logged).toEqual(["apt-get update", `${APT} redis-server`]);
  });

  test("never stops a service that ran before", async () => {
    program("apt-get");
    const { commands, run } = play({ "service redis-server status": 0 });
    await installRedis({ run, path: bin, root: true });
    expect(commands).toEqual(["apt-get update", "service redis-server status", `${APT} redis-server`]);
  });

  test("installs with lists that could not be updated, and Valkey where there is no Redis", async () => {
    program("apt-get");
    const codes = { "apt-get update": 100, status: 4, [`${APT} redis-server`]: 100 };
    const { commands, run } = play(codes, "valkey-server");
    const server = await installRedis({ run, path: bin, root: true });
    expect(server.kind).toBe("valkey");
    expect(commands).toContain("service valkey-server stop");
    expect(commands).not.toContain("service redis-server stop");
  });

  test("goes through sudo where it asks for no password", async () => {
    program("apt-get");
    const { commands, run } = play({ status: 3 });
    await installRedis({ run, path: bin, root: false });
    expect(commands[0]).toBe("sudo -n true");
    expect(commands.slice(1).every((command) => command.startsWith("sudo -n "))).toBe(true);
  });

  test("dnf and apk install without touching a service", async () => {
    program("dnf");
    const dnf = play({ "dnf install -y redis": 1 }, "valkey-server");
    expect((await installRedis({ run: dnf.run, path: bin, root: true })).kind).toBe("valkey");
    expect(dnf.commands).toEqual(["dnf install -y redis", "dnf install -y valkey"]);
    rmSync(join(bin, "dnf"));
    rmSync(join(bin, "valkey-server"));

    program("apk");
    const apk = play({});
    await installRedis({ run: apk.run, path: bin, root: true });
    expect(apk.commands).toEqual(["apk add --no-cache redis"]);
  });

  test("brew needs no root, and helps where apt-get is not allowed", async () => {
    program("apt-get");
    program("brew");
    const { commands, run } = play({ sudo: 1 });
    await installRedis({ run, path: bin, root: false });
    expect(commands).toEqual(["sudo -n true", "brew install redis"]);
  });

  test("does not replace a server that is too old", async () => {
    program("apt-get");
    program("redis-server", "Redis server v=6.0.16 sha=00000000:0");
    const { commands, run } = play({});
    await expect(installRedis({ run, path: bin, root: true })).rejects.toThrow(
      /redis-server is too old: 6\.0\.16\. It is not replaced\. Install Redis/,
    );
    expect(commands).toEqual([]);
  });

  test("says what was tried, and what to do", async () => {
    await expect(installRedis({ ...play({}), path: bin, root: true })).rejects.toThrow(
      /none of apt-get, dnf, apk, brew is here\nInstall Redis or Valkey \(6\.2 or later\).*set REDIS_URL/,
    );
    program("apt-get");
    await expect(installRedis({ ...play({ sudo: 1 }), path: bin, root: false })).rejects.toThrow(
      /apt-get: needs root, or sudo without a password\nInstall/,
    );
    await expect(installRedis({ ...play({ "": 100 }), path: bin, root: true })).rejects.toThrow(
      /apt-get update: exit code 100\nE: .*valkey-server: exit code 100\nE: .*valkey-server went wrong\nInstall/s,
    );
    await expect(installRedis({ ...play({}, ""), path: bin, root: true })).rejects.toThrow(
      /apt-get has installed it, but there is no redis-server/,
    );
  });
});
