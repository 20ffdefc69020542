import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { scratch, sqlitePlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const bare = install({ without: ["sqlite", "redis"] });
const file = scratch();
const error = (code: string) => ({ error: { code, message: expect.any(String) } });

describe("which store", () => {
  it("a mistyped path is not made into a database", async () => {
    const path = file("mistyped.db");
    for (const command of [
      ["dlq", "list"],
      ["stats"],
      ["dlq", "replay", "--all", "--yes"],
      ["dlq", "export"],
    ]) {
      const run = await cli([...command, "--store", `sqlite:${path}`]);
      expect([command, run.code, run.err]).toEqual([command, 3, expect.stringContaining("was not created")]);
    }
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    [[], "Say which store"],
    [["--store=events.db"], "sqlite:FILE"],
    [["--store=sqlite::memory:"], "memory"],
    [["--store=sqlite:a.db", "--config=x.mjs"], "either"],
    [["--store=sqlite:a.db", "--prefix=p"], "Redis"],
  ])("is wrong usage: %j", async (options, message) => {
    const run = await cli(["dlq", "list", ...options]);
    expect([run.code, run.err]).toEqual([2, expect.stringContaining(message)]);
    expect(run.err).not.toContain("    at ");
  });

  it.each([
    ["redis://127.0.0.1:1/0?password=hunter2222", 1],
    ["redis://127.0.0.1:1/0?family=4&sentinelPassword=hunt%65r2222", 1],
    ["redis://u:hun/ter2222@127.0.0.1:1/0", 1],
    ["postgres://u:hun/ter2222@h/db", 2],
    ["postgres://u:hun?ter#2222@h/db", 2],
    ["redis:/u:hunter2222@h", 2],
    ["u:hunter2222@h:6379", 2],
  ])("a password in %s is in no message", async (url, code) => {
    const plain = await cli(["stats", "--store", url]);
    const json = await cli(["stats", "--json"], { env: { HOOKLATCH_STORE: url } });
    for (const run of [plain, json]) {
      expect([run.code, run.out + run.err]).toEqual([code, expect.not.stringMatching(/er2222|ter#?2222/)]);
    }
  });

  it("from the environment, from a config that is named or here, and a queue elsewhere", async () => {
    const here = sqlitePlace(file("here.db"));
    const there = sqlitePlace(file("there.db"));
    await here.bury({ key: "here" });
    await there.bury({ key: "there" });
    const keys = async (
      options: readonly string[],
      more: { env?: Record<string, string>; cwd?: string } = {},
    ) => {
      const run = await cli(["dlq", "list", ...options, "--json"], more);
      expect(run.err).toBe("");
      return (run.json().letters as { key: string }[]).map(({ key }) => key);
    };
    const url = `sqlite:${file("here.db")}`;
    expect(await keys([], { env: { HOOKLATCH_STORE: url } })).toEqual(["here"]);
    expect(await keys(["--store", url, "--dead-letters", `sqlite:${file("there.db")}`])).toEqual(["there"]);

    const imports = `import { sqliteStore, sqliteDeadLetters } from "@hooklatch/sqlite";\n`;
    const made = (name: string) =>
      `({ store: sqliteStore(${JSON.stringify(file(name))}), deadLetters: sqliteDeadLetters(${JSON.stringify(file(name))}) })`;
    const app = join(installed.app, "with a config");
    mkdirSync(app);
    // What it leaves open does not keep the command from ending.
    writeFileSync(
      join(app, "hooklatch.config.mjs"),
      `${imports}setInterval(() => {}, 1000);\nexport default async () => ${made("here.db")};`,
    );
    writeFileSync(join(app, "other.mjs"), `${imports}export default ${made("there.db")};`);
    writeFileSync(join(app, "wrong.mjs"), "export default 1;");
    expect(await keys([], { cwd: app })).toEqual(["here"]);
    expect(await keys(["--config", "other.mjs"], { cwd: app })).toEqual(["there"]);
    expect((await cli(["stats", "--config", "wrong.mjs", "--json"], { cwd: app })).json()).toEqual(
      error("wrong_usage"),
    );
    expect((await cli(["stats", "--config", "none.mjs", "--json"], { cwd: app })).json()).toEqual(
      error("config_missing"),
    );
  });

  it("says what to install", async () => {
    writeFileSync(file("any.db"), "");
    const run = await cliOf(bare)(["stats", "--store", `sqlite:${file("any.db")}`, "--json"]);
    expect([run.code, run.json()]).toEqual([1, error("package_missing")]);
    expect(run.out).toContain("npm install @hooklatch/sqlite better-sqlite3");
    const redis = await cliOf(bare)(["stats", "--store", "redis://127.0.0.1:1"]);
    expect(redis.err).toContain("npm install @hooklatch/redis ioredis");
  });
});

describe("the program", () => {
  it("has help with examples for every command, and a version", async () => {
    expect((await cli(["--version"])).out).toBe("0.0.0\n");
    const commands = [
      "dlq list",
      "dlq show",
      "dlq replay",
      "dlq edit",
      "dlq discard",
      "dlq export",
      "dlq import",
    ];
    await Promise.all(
      [...commands, "operation show", "operation release", "stats", "doctor"].map(async (command) => {
        const { code, out } = await cli([...command.split(" "), "--help"]);
        expect([command, code]).toEqual([command, 0]);
        expect(out).toContain(`Examples:\n  `);
        expect(out).toContain(`hooklatch ${command}`);
        expect(out).toContain("--store <url>");
      }),
    );
    const helped = await cli([]);
    expect([helped.code, helped.out, helped.err]).toEqual([
      2,
      "",
      expect.stringMatching(/^Usage: hooklatch/),
    ]);
    expect((await cli(["nonsense", "--json"])).json()).toEqual(error("wrong_usage"));
    expect((await cli(["dlq", "show"])).code).toBe(2);
  });

  it("ends quietly when its reader goes away", async () => {
    const place = sqlitePlace(file("pipe.db"));
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => place.bury({ key: `k${n}`, body: "x".repeat(20_000) })),
    );
    const script = '"$0" "$1" dlq export --store "$2" 2>"$3" | head -c 10; echo " $PIPESTATUS"';
    const args = ["-c", script, process.execPath, installed.bin, `sqlite:${file("pipe.db")}`, file("err")];
    expect(execFileSync("/bin/bash", args, { cwd: installed.app, encoding: "utf8" })).toBe('{"hooklatc 0\n');
    expect(execFileSync("cat", [file("err")], { encoding: "utf8" })).toBe("");
  });

  it("does its work to the end when the reader of its messages goes away", async () => {
    const place = sqlitePlace(file("deaf.db"));
    await Promise.all(Array.from({ length: 60 }, (_, n) => place.bury({ key: `k${n}` })));
    // The command that goes on is said before the work.
    const child = cli.start(["dlq", "replay", "--all", "--yes", "--json", ...place.at]);
    child.stderr?.destroy();
    const [out, [code]] = await Promise.all([text(child.stdout as never), once(child, "close")]);
    expect([code, JSON.parse(out)]).toMatchObject([0, { letters: 60, scheduled: 60 }]);
    expect(await place.store.stats()).toMatchObject({ dead: 0, waiting: 60 });
  });

  it("has colours only where they are wanted", async () => {
    const place = sqlitePlace(file("colours.db"));
    await place.bury({ key: "A1" });
    const esc = "\u001b[";
    const shows = async (options: string[], env: Record<string, string> = {}) =>
      (await cli(["dlq", "list", ...place.at, ...options], { env })).out.includes(esc);
    const answers = await Promise.all([
      shows([]),
      shows([], { FORCE_COLOR: "1" }),
      shows(["--no-color"], { FORCE_COLOR: "1" }),
      shows([], { FORCE_COLOR: "1", NO_COLOR: "1" }),
      shows(["--json"], { FORCE_COLOR: "1" }),
    ]);
    expect(answers).toEqual([false, true, false, false, false]);
  });
});
