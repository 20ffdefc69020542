import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { until } from "../../servers/src/until.js";
import { widthOf } from "../src/width.js";
import { startApp } from "./support/app.js";
import { install } from "./support/installed.js";
import { scratch, sqlitePlace } from "./support/places.js";
import { inTerminal } from "./support/terminal.js";

const installed = install();
const file = scratch();
const hasPty = process.platform !== "win32" && spawnSync("python3", ["-c", "import pty"]).status === 0;

describe.skipIf(!hasPty)("in a terminal", () => {
  it("the whole story: list, show, edit, confirm, replay, and the list is empty", async () => {
    const path = file("story.db");
    const { at, bury, queue } = sqlitePlace(path);
    const long = "漢字 ก็ e\u0301 \u{1f600} ".repeat(20);
    const id = await bury({
      key: "A1",
      body: '{"order":"wrong"}',
      error: { name: "TypeError", message: long },
    });
    await bury({ key: `long ${long}`, body: '{"order":"fine"}' });

    const list = await inTerminal(installed, ["dlq", "list", ...at]);
    expect(list.code).toBe(0);
    expect(list.output).toContain(`\u001b[36m${id.slice(0, 10)}`);
    const lines = stripVTControlCharacters(list.output).trimEnd().split(/\r?\n/);
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80);
    const columns = lines.slice(0, 3).map((line) => widthOf(line.slice(0, line.search(/STATE|dead$/))));
    expect(new Set(columns).size).toBe(1);

    const show = await inTerminal(installed, ["dlq", "show", id.slice(0, 8), ...at]);
    expect(show.output).toContain("\u001b[31mTypeError\u001b[39m");
    expect(show.output).toContain('"order": "wrong"');

    const editor = file("editor");
    writeFileSync(editor, `#!/bin/sh\nsed -i 's/wrong/right/' "$1"\n`);
    chmodSync(editor, 0o755);
    const edit = ["dlq", "edit", id.slice(0, 8), ...at];
    const env = { EDITOR: `'${editor}'` };
    const refused = await inTerminal(installed, edit, [["[y/N]", "n\n"]], env);
    expect([refused.code, refused.output]).toEqual([5, expect.stringContaining("Nothing was done.")]);
    const edited = await inTerminal(installed, edit, [["[y/N]", "y\n"]], env);
    expect([edited.code, edited.output]).toEqual([0, expect.stringContaining("Put back with the new body.")]);
    expect(edited.output).toContain('\u001b[32m+   "order": "right"');

    const app = await startApp(installed, path);
    const replay = ["dlq", "replay", "--text", "no long", "--wait", ...at];
    const replayed = await inTerminal(installed, replay, [["[y/N]", "yes\n"]]);
    expect([replayed.code, replayed.output]).toEqual([
      0,
      expect.stringContaining("1 letter left the queue."),
    ]);
    await until("the queue is empty", async () => (await queue.count()) === 0);
    expect(app.runs.map(({ order }) => order).sort()).toEqual(["fine", "right"]);
    await app.stop();
    expect((await inTerminal(installed, ["dlq", "list", ...at])).output).toBe("No dead letters.\r\n");
  });

  it("Ctrl-C ends it without a stack, wherever it is", async () => {
    const { at, bury, store } = sqlitePlace(file("ctrl-c.db"));
    const id = await bury({ key: "A1" });
    const ctrlC = "\u0003";
    const [asked, waiting, watching] = await Promise.all([
      inTerminal(installed, ["dlq", "discard", id, ...at], [["[y/N]", ctrlC]]),
      (async () => {
        const ended = inTerminal(
          installed,
          ["dlq", "replay", id, "--wait", ...at],
          [["Done: 0 of 1", ctrlC]],
        );
        return ended;
      })(),
      inTerminal(installed, ["stats", "--watch", ...at], [["Every 2 s", ctrlC]]),
    ]);
    for (const { code, output, left } of [asked, waiting, watching]) {
      expect([code, left]).toEqual([130, []]);
      expect(output).not.toContain("    at ");
    }
    expect(waiting.output).toContain("Still at work: 1 letter.");
    expect((await store.get({ scope: "orders", key: "A1" }))?.state).toBe("waiting");
  });
});
