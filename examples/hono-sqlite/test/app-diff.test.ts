/** What it takes to move the app from Express to Hono. docs/moving.md shows it, and this is where it is kept true. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { deliver, describe as inWords, laterCopy, paidOrder } from "example-express-sqlite/sender";
import { answerOnExpress, movedApp, serving } from "example-express-sqlite/testing/moved-app";
import type { Hono } from "hono";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openShop } from "../src/shop.js";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));
let temp: string;

beforeAll(() => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-moved-"));
});

afterAll(() => rmSync(temp, { recursive: true, force: true }));

it("is the diff that the documentation shows, which makes this example of the one on Express", async () => {
  const { diff, actualDiff, text, createApp } = await movedApp<Hono>("To Hono", folder);
  console.log(diff);
  expect(diff).toBe(actualDiff);
  expect(text).toBe(readFileSync(join(folder, "src", "app.ts"), "utf8"));

  const database = join(temp, "hooklatch.db");
  const options = () => ({ shop: openShop(join(temp, "shop.db")), database, stripeSecret: SECRET });
  const before = paidOrder("mug");
  expect(inWords(await answerOnExpress(options(), before))).toBe("200 paid");
  const { app, close } = createApp(options());
  await serving(getRequestListener(app.fetch), close, async (url) => {
    const event = paidOrder("mug");
    expect(inWords(await deliver(url, event, SECRET))).toBe("200 paid");
    expect(inWords(await deliver(url, laterCopy(event), SECRET))).toBe("200 paid (replayed)");
    expect(inWords(await deliver(url, laterCopy(before), SECRET))).toBe("200 paid (replayed)");
  });
});
