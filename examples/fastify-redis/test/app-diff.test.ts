/** What it takes to move the app from Express to Fastify, whatever the store. docs/moving.md shows it, and this is where it is kept true. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deliver, describe as inWords, laterCopy, paidOrder } from "example-express-sqlite/sender";
import { answerOnExpress, movedApp, shownDiff } from "example-express-sqlite/testing/moved-app";
import { root } from "example-express-sqlite/testing/processes";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openShop } from "../src/shop.js";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));
let temp: string;

beforeAll(() => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-moved-"));
});

afterAll(() => rmSync(temp, { recursive: true, force: true }));

it("is the diff that the documentation shows: on SQLite", async () => {
  const { diff, actualDiff, createApp } = await movedApp<FastifyInstance>("To Fastify", folder);
  console.log(diff);
  expect(diff).toBe(actualDiff);

  const database = join(temp, "hooklatch.db");
  const options = () => ({ shop: openShop(join(temp, "shop.db")), database, stripeSecret: SECRET });
  const before = paidOrder("mug");
  expect(inWords(await answerOnExpress(options(), before))).toBe("200 paid");
  const { app, close } = createApp(options());
  try {
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const event = paidOrder("mug");
    expect(inWords(await deliver(url, event, SECRET))).toBe("200 paid");
    expect(inWords(await deliver(url, laterCopy(event), SECRET))).toBe("200 paid (replayed)");
    expect(inWords(await deliver(url, laterCopy(before), SECRET))).toBe("200 paid (replayed)");
  } finally {
    await close();
  }
});

it("is the same on Redis: what this example differs in from the one on Express and Redis", () => {
  const changed = (diff: string) => diff.split("\n").filter((line) => /^[+-](?![+-]{2} )/.test(line));
  const files = [join(folder, "..", "express-redis", "src", "app.ts"), join(folder, "src", "app.ts")];
  const args = ["diff", "--no-index", "--no-color", "--no-ext-diff", "--unified=0", ...files];
  const { stdout } = spawnSync("git", args, { encoding: "utf8" });
  expect(changed(stdout)).toEqual(changed(shownDiff(join(root, "docs", "moving.md"), "To Fastify")));
  const [, shown] = /^```diff\n(.*?)^```$/ms.exec(readFileSync(join(folder, "README.md"), "utf8")) ?? [];
  expect(shown).toBe(`${changed(stdout).join("\n")}\n`);
});
