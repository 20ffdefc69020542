import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { OperationId } from "@hooklatch/core";
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { until } from "../../servers/src/until.js";
import { startApp } from "./support/app.js";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { redisPlace, scratch, sqlitePlace, type TestPlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();

const places: [string, () => TestPlace][] = [
  ["SQLite", () => sqlitePlace(file("replay.db"))],
  ...(redisUrl() === undefined ? [] : ([["Redis", redisPlace]] as [string, () => TestPlace][])),
];
const id = (key: string, scope = "orders"): OperationId => ({ scope, key });

describe.each(places)("dlq replay on %s", (_, open) => {
  it("puts letters back by id, with who and why; what is missing is told", async () => {
    const { at, bury, store } = open();
    const letter = await bury({ key: "A1" });
    const run = await cli([
      "dlq",
      "replay",
      letter.slice(0, 12),
      "ffffffff",
      ...at,
      "--by=ann",
      "--note=why not",
      "--json",
    ]);
    expect(run.code).toBe(4);
    expect(run.json()).toEqual({
      ...{
        batch: expect.any(String),
        letters: 1,
        scheduled: 1,
        already: 0,
        completed: 0,
        interrupted: false,
      },
      refused: [{ id: "ffffffff", status: "not_found", reason: expect.any(String) }],
    });
    const record = await store.get(id("A1"));
    expect(record?.state).toBe("waiting");
    expect(record?.replays).toMatchObject([{ by: "ann", note: "why not" }]);
  });
});

describe("dlq replay by filter", () => {
  it("counts, changes nothing on a dry run, and needs a yes", async () => {
    const { at, bury, store } = sqlitePlace(file("filter.db"));
    await Promise.all(["A1", "A2", "A3"].map((key) => bury({ key })));
    await bury({ key: "M1", scope: "mails" });
    const dry = await cli(["dlq", "replay", "--scope=orders", "--dry-run", ...at, "--json"]);
    expect([dry.code, dry.json()]).toEqual([0, { dryRun: true, letters: 3, notFound: [] }]);
    const unasked = await cli(["dlq", "replay", "--scope=orders", ...at, "--json"]);
    expect([unasked.code, unasked.json()]).toEqual([
      5,
      { error: { code: "not_confirmed", message: expect.stringContaining("--yes") } },
    ]);
    expect(await store.stats()).toMatchObject({ dead: 4, waiting: 0 });

    const done = await cli([
      "dlq",
      "replay",
      "--scope=orders",
      "--batch=b1",
      "--per-second=100",
      "--yes",
      ...at,
      "--json",
    ]);
    expect([done.code, done.json()]).toEqual([
      0,
      { batch: "b1", letters: 3, scheduled: 3, already: 0, completed: 0, refused: [], interrupted: false },
    ]);
    expect(done.err).toContain("--batch=b1 --per-second=100 --yes");
    const again = await cli(["dlq", "replay", "--scope=orders", "--batch=b1", "--yes", ...at, "--json"]);
    expect(again.json()).toMatchObject({ scheduled: 0, already: 3 });
    expect(await store.stats()).toMatchObject({ dead: 1, waiting: 3 });
  });

  it("takes only the newest so many with --limit", async () => {
    const { at, bury, store } = sqlitePlace(file("limit.db"));
    for (const key of ["A1", "A2", "A3"]) await bury({ key });
    const run = await cli(["dlq", "replay", "--all", "--limit=2", "--yes", ...at]);
    expect([run.code, run.out]).toEqual([0, expect.stringMatching(/^Put back 2 letters\. Batch /)]);
    expect((await store.get(id("A1")))?.state).toBe("dead");
  });

  it.each([
    [[]],
    [["abcdef", "--scope=orders"]],
    [["--all", "--min-replays=x"]],
    [["--all", "--per-second=0"]],
    [["--all", "--failed-after=yesterday"]],
    [["--all", "--no-such-option"]],
  ])("is wrong usage: %j", async (options) => {
    const run = await cli(["dlq", "replay", ...options, "--yes", "--store=sqlite:any.db", "--json"]);
    // The place is looked at first only where the options are right in themselves.
    expect([2, 3]).toContain(run.code);
    expect(run.json()).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
  });

  it("goes on after kill -9 with the command that it printed, and puts each letter back exactly once", async () => {
    const place = sqlitePlace(file("killed it's.db"));
    const keys = Array.from({ length: 1_200 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key) => place.bury({ key })));
    const options = ["--scope=orders", "--note=it's $HOME", "--per-second=1000"];
    const child = cli.start(["dlq", "replay", ...options, "--yes", ...place.at]);
    const err = text(child.stderr as never);
    await until("some are put back", async () => (await place.store.stats()).waiting > 0, { everyMs: 2 });
    child.kill("SIGKILL");
    await once(child, "exit");
    const { waiting } = await place.store.stats();
    expect(waiting).toBeLessThan(keys.length);
    // Arrives after the batch began, so it is not of it.
    await place.bury({ key: "late" });

    const [, command = ""] = /go on with:\n {2}hooklatch (.*)\n/.exec(await err) ?? [];
    const resumed = spawn("/bin/bash", [
      "-c",
      `"$0" "$1" ${command} --json`,
      process.execPath,
      installed.bin,
    ]);
    const [out] = await Promise.all([text(resumed.stdout), once(resumed, "exit")]);
    const { scheduled, already, refused } = JSON.parse(out);
    expect([scheduled, already, refused]).toEqual([keys.length - waiting, waiting, []]);
    const records = await Promise.all(keys.map((key) => place.store.get(id(key))));
    expect(new Set(records.map((record) => `${record?.state} ${record?.replays.length}`))).toEqual(
      new Set(["waiting 1"]),
    );
    expect(records[0]?.replays[0]?.note).toBe("it's $HOME");
    expect((await place.store.get(id("late")))?.state).toBe("dead");
  });

  it("stops at a step's end on Ctrl-C, and says how to go on", async () => {
    const place = sqlitePlace(file("interrupted.db"));
    const keys = Array.from({ length: 1_200 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key) => place.bury({ key })));
    const child = cli.start(["dlq", "replay", "--all", "--batch=b2", "--yes", "--json", ...place.at]);
    const [out, err] = [text(child.stdout as never), text(child.stderr as never)];
    await until("some are put back", async () => (await place.store.stats()).waiting > 0, { everyMs: 2 });
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    const result = JSON.parse(await out);
    expect([code, result.interrupted]).toEqual([130, true]);
    expect(result.resume).toMatch(/ --batch=b2 --per-second=10 '?--cursor=.* --yes$/);
    expect(await err).not.toContain("    at ");
    expect((await place.store.stats()).waiting).toBe(result.scheduled);
  });
});

describe("a signal that a command finishes for", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s ends it with %i", async (signal, expected) => {
    const { at, bury, store } = sqlitePlace(file(`${signal}.db`));
    await bury({ key: "A1" });
    // Nobody takes what is due, so it waits.
    const child = cli.start(["dlq", "replay", "--all", "--yes", "--wait", "--json", ...at]);
    const out = text(child.stdout as never);
    await until("it is put back", async () => (await store.stats()).waiting === 1);
    child.kill(signal);
    const [code] = await once(child, "close");
    expect([code, JSON.parse(await out)]).toMatchObject([
      expected,
      { interrupted: true, waited: { pending: 1 } },
    ]);
  });

  it("of an export to a file, too", async () => {
    const { at, bury } = sqlitePlace(file("terminated export.db"));
    await Promise.all(
      Array.from({ length: 300 }, (_, n) => bury({ key: `k${n}`, body: "x".repeat(50_000) })),
    );
    const child = cli.start(["dlq", "export", "--out", file("terminated.jsonl"), "--json", ...at]);
    const out = text(child.stdout as never);
    await until("it has begun", () => readdirSync(file("")).some((one) => one.endsWith(".partial")));
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    expect([code, JSON.parse(await out)]).toMatchObject([143, { error: { code: "interrupted" } }]);
    expect(existsSync(file("terminated.jsonl"))).toBe(false);
  });
});

describe("while the app runs", () => {
  it("its worker runs what is put back; --wait tells who left and who failed again", async () => {
    const path = file("running.db");
    const { at, bury, queue } = sqlitePlace(path);
    await bury({ key: "good" });
    const bad = await bury({ key: "bad", body: '{"order":"wrong"}' });
    const app = await startApp(installed, path);
    const run = await cli([
      "dlq",
      "replay",
      "--all",
      "--yes",
      "--wait",
      "--per-second=1000",
      ...at,
      "--json",
    ]);
    expect(run.code).toBe(4);
    expect(run.json()).toMatchObject({ scheduled: 2, waited: { left: 1, failedAgain: [bad], pending: 0 } });
    expect(app.runs.map(({ order, replay }) => [order, replay]).sort()).toEqual([
      ["good", true],
      ["wrong", true],
    ]);
    const fixed = await cli(["dlq", "edit", bad, "--body", '{"order":"right"}', "--yes", ...at, "--json"]);
    expect([fixed.code, fixed.json()]).toEqual([0, { id: bad, status: "scheduled", changed: ["/order"] }]);
    await until("the edited letter left the queue", async () => (await queue.count()) === 0);
    expect(app.runs.at(-1)).toEqual({ order: "right", replay: true });
    await app.stop();
  });
});
