/** axe finds nothing on any page or dialog, light and dark, wide and on a phone; and nothing is wider than the page. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { button, dialog, shopOn } from "./apps.js";
import { accessible, useChromium } from "./chromium.js";

const open = useChromium();

describe("no page has an accessibility violation", () => {
  const LOOKS = [
    { name: "light, wide", colorScheme: "light", viewport: { width: 1280, height: 900 } },
    { name: "dark, wide", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
    { name: "light, phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
    { name: "dark, phone", colorScheme: "dark", viewport: { width: 390, height: 844 } },
  ] as const;

  async function visit(shop: Awaited<ReturnType<typeof shopOn>>, page: Page): Promise<void> {
    const go = async (path: string, sign: string): Promise<void> => {
      await page.goto(`${shop.url}${path}`);
      await page.getByText(sign).first().waitFor();
      await accessible(page);
    };
    await go("", "Overview");
    await go("/letters", "no product");
    await button(page, "More filters").click();
    await page.getByRole("checkbox").nth(1).check();
    await accessible(page);
    await page.getByRole("checkbox").nth(1).uncheck();
    for (const name of [/^Replay all/, /^Discard all/]) {
      await button(page, name).click();
      await dialog(page).waitFor();
      await accessible(page);
      await page.keyboard.press("Escape");
    }
    const [letter] = (await shop.deadLetters.list()).letters;
    await go(`/letters/${letter?.id}`, "Attempt 1");
    for (const name of [/^Replay/, /^Edit and/, /^Discard/]) {
      await button(page, name).first().click();
      await dialog(page).waitFor();
      await accessible(page);
      await page.keyboard.press("Escape");
    }
    await go(`/operations?scope=shop&key=${letter?.key}`, "dead");
    await go("/operations", "Operations");
    await go("/letters?scope=nobody", "Dead letters");
    await go("/letters/none", "not in the queue");
    await go("/nowhere", "page");
  }

  test.each(LOOKS)("$name", async ({ name: _, ...look }) => {
    const shop = await shopOn("SQLite", "Express");
    for (const key of ["a", "b", "c"]) await shop.deliver(key);
    const { page, trouble } = await open({ ...look, reducedMotion: "reduce" });
    await visit(shop, page);
    // Nothing is wider than the page.
    const wider = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wider).toBeLessThanOrEqual(0);
    expect(trouble).toEqual([]);
  });

  test("nothing there yet", async () => {
    const shop = await shopOn("SQLite", "Express");
    const { page, trouble } = await open();
    for (const path of ["", "/letters"]) {
      await page.goto(`${shop.url}${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await accessible(page);
    }
    expect(trouble).toEqual([]);
  });
});
