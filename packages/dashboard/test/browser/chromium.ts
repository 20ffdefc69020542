/** A real browser for the tests of a file: the machine's Chromium. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { findChromium } from "@hooklatch/servers";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";

// Without the last ones it looks for services of its maker.
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Tab {
  page: Page;
  /** What went wrong in it: errors, refused scripts, dialogs that only a script opens. */
  trouble: string[];
}

/** For a whole file. */
export function useChromium() {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error("There is no Chromium: run `pnpm chromium`.");
    browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  });
  afterAll(() => browser?.close());

  return async (options: BrowserContextOptions = {}): Promise<Tab> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const trouble: string[] = [];
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("dialog", (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      // A refused request is what some tests are about, and the browser tells of each.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        trouble.push(message.text());
    });
    return { page, trouble };
  };
}

/** No violation of any rule of axe, on the page as it is now. */
export async function accessible(page: Page): Promise<void> {
  // Evaluated by the debugger, which the page's own policy does not concern.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
  });
  expect(found).toEqual([]);
}

interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}
