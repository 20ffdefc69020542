import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { letterToLine } from "@hooklatch/core";
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { redisPlace, scratch, sqlitePlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();

describe("dlq discard", () => {
  it("asks, counts, and removes letter and operation", async () => {
    const { at, bury, store, queue } = sqlitePlace(file("discard.db"));
    const a = await bury({ key: "A1" });
    await bury({ key: "A2", scope: "mails" });
    await bury({ key: "A3", scope: "mails" });
    expect((await cli(["dlq", "discard", a, ...at])).code).toBe(5);
    const dry = await cli(["dlq", "discard", "--scope=mails", "--dry-run", ...at]);
    expect(dry.out).toBe('It would be discarded: 2 letters with scope "mails". Nothing was changed.\n');
    expect(await queue.count()).toBe(3);
    const one = await cli(["dlq", "discard", a, "f".repeat(64), "--yes", ...at, "--json"]);
    expect([one.code, one.json()]).toEqual([
      4,
      {
        ...{ letters: 2, discarded: 1, interrupted: false },
        refused: [{ id: "f".repeat(64), status: "not_found", reason: expect.any(String) }],
      },
    ]);
    const rest = await cli(["dlq", "discard", "--scope=mails", "--yes", ...at, "--json"]);
    expect(rest.json()).toEqual({ letters: 2, discarded: 2, refused: [], interrupted: false });
    expect([await queue.count(), (await store.stats()).dead]).toEqual([0, 0]);
    expect((await cli(["dlq", "discard", a, "--yes", ...at])).code).toBe(3);
  });

  it("leaves what is at work", async () => {
    const { at, bury, queue } = sqlitePlace(file("at-work.db"));
    const a = await bury({ key: "A1" });
    await cli(["dlq", "replay", a, ...at]);
    const run = await cli(["dlq", "discard", a, "--yes", ...at, "--json"]);
    expect([run.code, run.json()]).toMatchObject([
      4,
      { discarded: 0, refused: [{ id: a, key: "A1", status: "running" }] },
    ]);
    expect(await queue.count()).toBe(1);
  });
});

/** Changes the first one of a list in an exported line. */
function set(line: Record<string, unknown>, list: "replays" | "attempts", parts: object): void {
  Object.assign((line[list] as object[])[0] ?? {}, parts);
}

describe("dlq export and import", () => {
  it("writes a private file, does not overwrite it, and another queue takes its letters", async () => {
    const from = sqlitePlace(file("from.db"));
    const ids = [
      await from.bury({ key: "A1", body: "\u2028\u0007 x" }),
      await from.bury({ key: "A2", body: Buffer.from([255]) }),
    ];
    const out = file("letters.jsonl");
    const exported = await cli(["dlq", "export", "--out", out, ...from.at, "--json"]);
    expect([exported.code, exported.json()]).toEqual([0, { letters: 2, file: out }]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect((await cli(["dlq", "export", "--out", out, ...from.at])).code).toBe(1);
    const text = await cli(["dlq", "export", ...from.at]);
    expect(text.out).toBe(readFileSync(out, "utf8"));

    const path = file("made by import.db");
    const to = ["--store", `sqlite:${path}`];
    const dry = await cli(["dlq", "import", out, "--dry-run", ...to, "--json"]);
    expect([dry.code, dry.json()]).toEqual([0, { dryRun: true, letters: 2, invalid: [] }]);
    expect(existsSync(path)).toBe(false);
    const imported = await cli(["dlq", "import", ...to, "--json"], { stdin: text.out });
    expect([imported.code, imported.json()]).toEqual([
      0,
      { imported: 2, already: 0, removed: 0, invalid: [], interrupted: false },
    ]);
    expect((await cli(["dlq", "import", out, ...to, "--json"])).json()).toMatchObject({
      imported: 0,
      already: 2,
    });
    const { queue } = sqlitePlace(path);
    for (const id of ids) {
      const { arrivedAt: _, ...there } = (await queue.get(id)) ?? {};
      const { arrivedAt: __, ...here } = (await from.queue.get(id)) ?? {};
      expect(there).toEqual(here);
    }
    // What was discarded stays away, unless it is to be restored. A replay needs no operation.
    await cli(["dlq", "discard", "--all", "--yes", ...to]);
    const removed = await cli(["dlq", "import", out, ...to, "--json"]);
    expect([removed.code, removed.json()]).toMatchObject([4, { imported: 0, removed: 2 }]);
    expect((await cli(["dlq", "import", out, "--restore", ...to, "--json"])).json()).toMatchObject({
      imported: 2,
    });
    const shown = await cli(["dlq", "show", ids[0] ?? "", ...to, "--json"]);
    expect(shown.json().operation).toEqual({ state: "gone" });
    const replayed = await cli(["dlq", "replay", ids[0] ?? "", ...to, "--json"]);
    expect(replayed.json()).toMatchObject({ scheduled: 1 });
  });

  it("checks all lines before it imports one", async () => {
    const from = sqlitePlace(file("lines.db"));
    const letter = await from.queue.get(await from.bury({ key: "A1" }));
    if (letter === undefined) throw new Error("no letter");
    const lines = file("wrong.jsonl");
    writeFileSync(lines, `${letterToLine(letter)}\r\n\n{"no":1}\n`);
    const to = ["--store", `sqlite:${file("to.db")}`];
    const refused = await cli(["dlq", "import", lines, ...to, "--json"]);
    expect([refused.code, refused.json()]).toMatchObject([1, { error: { code: "invalid_letter" } }]);
    expect(existsSync(file("to.db"))).toBe(false);
    const skipped = await cli(["dlq", "import", lines, "--skip-invalid", ...to, "--json"]);
    expect([skipped.code, skipped.json()]).toEqual([
      4,
      {
        ...{ imported: 1, already: 0, removed: 0, interrupted: false },
        invalid: [{ line: 3, message: expect.any(String) }],
      },
    ]);
  });

  it.each<[string, (line: Record<string, unknown>) => void]>([
    ["changed that is no list", (line) => set(line, "replays", { changed: "abc" })],
    ["a changed place that is no text", (line) => set(line, "replays", { changed: [1] })],
    ["who asked that is no text", (line) => set(line, "replays", { by: { x: 1 } })],
    ["a note that is no text", (line) => set(line, "replays", { note: ["x"] })],
    ["an owner that is no text", (line) => set(line, "attempts", { owner: { x: 1 } })],
  ])("refuses a line with %s", async (_, change) => {
    const from = sqlitePlace(file(`line ${_}.db`));
    const letter = await from.queue.get(await from.bury({ key: "A1" }));
    if (letter === undefined) throw new Error("no letter");
    const replays = [{ round: 1, at: 1, replayId: "r", by: "ann", note: "n", changed: ["/a"] }];
    const line = JSON.parse(letterToLine({ ...letter, replays }));
    const to = ["--store", `sqlite:${file("checked.db")}`];
    const right = await cli(["dlq", "import", "--dry-run", ...to], { stdin: JSON.stringify(line) });
    expect(right.code).toBe(0);
    change(line);
    const wrong = await cli(["dlq", "import", ...to, "--json"], { stdin: JSON.stringify(line) });
    expect([wrong.code, wrong.json()]).toMatchObject([1, { error: { code: "invalid_letter" } }]);
  });

  it("says that the file is not there, and reads one that can be read only once", async () => {
    const from = sqlitePlace(file("piped.db"));
    await from.bury({ key: "A1" });
    const to = ["--store", `sqlite:${file("from a pipe.db")}`];
    const missing = await cli(["dlq", "import", file("none.jsonl"), ...to, "--json"]);
    expect([missing.code, missing.json()]).toMatchObject([3, { error: { code: "file_missing" } }]);
    const folder = await cli(["dlq", "import", installed.app, ...to, "--json"]);
    expect([folder.code, folder.json()]).toMatchObject([2, { error: { code: "wrong_usage" } }]);
    writeFileSync(file("piped.jsonl"), (await cli(["dlq", "export", ...from.at])).out);
    const script = '"$0" "$1" dlq import <(cat "$2") --store "$3" --json';
    const args = ["-c", script, process.execPath, installed.bin, file("piped.jsonl"), to[1] ?? ""];
    const out = execFileSync("/bin/bash", args, { cwd: installed.app, encoding: "utf8" });
    expect(JSON.parse(out)).toMatchObject({ imported: 1 });
  });

  it.skipIf(redisUrl() === undefined)("moves letters from SQLite to Redis", async () => {
    const from = sqlitePlace(file("to-redis.db"));
    await from.bury({ key: "A1" });
    const to = redisPlace();
    const { out } = await cli(["dlq", "export", ...from.at]);
    expect((await cli(["dlq", "import", "-", ...to.at, "--json"], { stdin: out })).json()).toMatchObject({
      imported: 1,
    });
    expect(await to.queue.count()).toBe(1);
  });
});
