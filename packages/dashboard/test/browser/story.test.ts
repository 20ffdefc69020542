/** The story of the person on call, in a real browser, on each store and framework. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { button, closing, dialog, FRAMEWORKS, STORES, shopOn } from "./apps.js";
import { accessible, useChromium } from "./chromium.js";

const open = useChromium();
describe.each(Object.keys(STORES))("on %s", (store) => {
  test.each(Object.keys(FRAMEWORKS))(
    "under %s: it fails and appears, is opened, its cause is fixed, it is replayed and leaves the list",
    async (framework) => {
      const shop = await shopOn(store, framework);
      const { page, trouble } = await open();
      await page.goto(`${shop.url}/letters`);
      await page.getByText("Nothing failed for good").first().waitFor();
      // It appears without a reload.
      expect(await shop.deliver("unicorn")).toBe(200);
      const link = page.locator("a[href*='/letters/']").first();
      await link.waitFor();
      expect(String(await page.locator("main").textContent())).toContain('There is no product "unicorn".');
      await link.click();
      await button(page, "Replay").first().waitFor();
      const letter = String(await page.locator("main").textContent());
      for (const text of ["unicorn", "Attempt 1", "Attempt 2", "POST", "application/json"])
        expect(letter).toContain(text);
      shop.fix();
      await button(page, "Replay").first().click();
      await dialog(page).getByLabel("Note").fill("the product is there now");
      await dialog(page).getByRole("button", { name: "Replay" }).click();
      await page.getByText("Completed: the letter has left the queue.").waitFor();
      expect(shop.orders).toEqual(["unicorn"]);
      expect(await shop.deadLetters.count()).toBe(0);
      expect((await shop.store.get({ scope: "shop", key: "unicorn" }))?.replays).toMatchObject([
        { by: "ann", note: "the product is there now" },
      ]);
      await page.goto(`${shop.url}/letters`);
      await page.getByText("Nothing failed for good").first().waitFor();
      // And a later delivery is a duplicate: nothing is ordered twice.
      expect(await shop.deliver("unicorn")).toBe(200);
      expect(shop.orders).toEqual(["unicorn"]);
      expect(trouble).toEqual([]);
    },
  );

  test("500 are replayed by filter, with their number first, and each once", async () => {
    const shop = await shopOn(store, "Express");
    const all = [...Array.from({ length: 500 }, (_, n) => `p-${n}`), "never"];
    for (let n = 0; n < all.length; n += 50) {
      await Promise.all(all.slice(n, n + 50).map((key) => shop.deliver(key, `{"product":"${key}"}`)));
    }
    shop.fix();
    const { page, trouble } = await open();
    await page.goto(`${shop.url}/letters?errorText=${encodeURIComponent('product "P-')}`);
    await button(page, "Replay all 500").click();
    await dialog(page).getByText("500").first().waitFor();
    expect(await shop.deadLetters.count()).toBe(501);
    await dialog(page).getByLabel("Due in each second").fill("1000");
    await dialog(page).getByRole("button", { name: "Replay 500" }).click();
    await dialog(page).getByText("Done.").waitFor();
    await expect.poll(() => shop.deadLetters.count(), { timeout: 30_000 }).toBe(1);
    expect(shop.orders.length).toBe(500);
    expect(new Set(shop.orders).size).toBe(500);
    expect(trouble).toEqual([]);
  });

  test("the body is edited and replayed: what came is kept, and the history says who changed what", async () => {
    const shop = await shopOn(store, "Express");
    await shop.deliver("k-1", '{"product":"mugg","amount":2}');
    const { page, trouble } = await open();
    await page.goto(`${shop.url}/letters`);
    await page.locator("a[href*='/letters/']").first().click();
    await button(page, "Edit and replay").click();
    const body = dialog(page).getByRole("textbox", { name: /Body/ });
    await body.fill('{"product":');
    await dialog(page).getByText("Not valid JSON").waitFor();
    expect(await dialog(page).getByRole("button", { name: "Replay with this body" }).isDisabled()).toBe(true);
    await body.fill('{"product":"never","amount":2}');
    await dialog(page).getByRole("button", { name: "Replay with this body" }).click();
    await page.getByText("It failed again").waitFor();
    const text = String(await page.locator("main").textContent());
    for (const part of ["never", "mugg", "ann", "/product"]) expect(text).toContain(part);
    await button(page, "Edit and replay").click();
    await body.fill('{"product":"mug","amount":2}');
    await dialog(page).getByRole("button", { name: "Replay with this body" }).click();
    await page.getByText("Completed: the letter has left the queue.").waitFor();
    expect(shop.orders).toEqual(["mug"]);
    expect(trouble).toEqual([]);
  });

  test("one is discarded, and all that a filter finds, after a question", async () => {
    const shop = await shopOn(store, "Express");
    for (const key of ["a", "b", "c"]) await shop.deliver(key);
    const { page, trouble } = await open();
    await page.goto(`${shop.url}/letters`);
    await page.locator("a[href*='/letters/']").first().click();
    await button(page, "Discard").click();
    await dialog(page).getByRole("button", { name: "Discard for good" }).click();
    await expect.poll(() => shop.deadLetters.count()).toBe(2);
    await page.goto(`${shop.url}/letters`);
    await button(page, "Discard all 2").click();
    const confirm = dialog(page).getByRole("button", { name: "Discard 2" });
    expect(await confirm.isDisabled()).toBe(true);
    await dialog(page)
      .getByLabel(/to confirm/)
      .fill("2");
    await confirm.click();
    await dialog(page).getByText("Done.").waitFor();
    expect(await shop.deadLetters.count()).toBe(0);
    expect(await shop.store.get({ scope: "shop", key: "a" })).toBeUndefined();
    expect(trouble).toEqual([]);
  });

  test("who may only read sees no way to change anything, and is refused where they try", async () => {
    const shop = await shopOn(store, "Express", { authorize: () => ({ allow: ["read"], by: "guest" }) });
    await shop.deliver("a");
    const { page } = await open();
    await page.goto(`${shop.url}/letters`);
    await page.locator("a[href*='/letters/']").first().click();
    await page.getByText("Attempt 1").first().waitFor();
    for (const name of [/^Replay/, /^Edit/, /^Discard/]) expect(await button(page, name).count()).toBe(0);
    const id = page.url().split("/").at(-1);
    const status = await page.evaluate(async (path) => {
      const headers = { "content-type": "application/json", "x-hooklatch-action": "1" };
      return (await fetch(path, { method: "POST", headers, body: "{}" })).status;
    }, `${shop.url}/api/letters/${id}/replay`);
    expect(status).toBe(403);
    expect((await shop.store.get({ scope: "shop", key: "a" }))?.state).toBe("dead");
  });
});

test("another site's page can neither read nor change anything, whatever it sends", async () => {
  const shop = await shopOn("SQLite", "Express");
  await shop.deliver("a");
  const [letter] = (await shop.deadLetters.list()).letters;
  const { page } = await open();
  const evil = createServer((_request, response) => response.end("evil")).listen(0, "127.0.0.1");
  closing.push(async () => void evil.close());
  await once(evil, "listening");
  await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
  const ends = await page.evaluate(
    async ([url, id]) => {
      const json = { "content-type": "application/json", "x-hooklatch-action": "1" };
      const plain = { "content-type": "text/plain" };
      const tries: [string, RequestInit][] = [
        [`api/letters/${id}/replay`, { method: "POST", headers: json, body: "{}" }],
        [`api/letters/${id}/discard`, { method: "POST", headers: plain, body: "{}", mode: "no-cors" }],
        [
          "api/discard",
          { method: "POST", headers: plain, body: '{"batchId":"batch-0001","filter":{}}', mode: "no-cors" },
        ],
        [`api/letters/${id}`, {}],
        [`api/letters/${id}`, { mode: "no-cors", credentials: "include" }],
      ];
      return Promise.all(
        tries.map(([path, init]) =>
          fetch(`${url}/${path}`, init).then(
            async (response) => (await response.text()).length,
            () => "refused",
          ),
        ),
      );
    },
    [shop.url, letter?.id] as const,
  );
  for (const end of ends) expect(["refused", 0]).toContain(end);
  expect(await shop.deadLetters.count()).toBe(1);
  expect((await shop.store.get({ scope: "shop", key: "a" }))?.state).toBe("dead");
});

test("the store down: the page says so, keeps what it has, and goes on once it is back", async () => {
  const shop = await shopOn("SQLite", "Express");
  await shop.deliver("a");
  const { page, trouble } = await open();
  await page.goto(`${shop.url}/letters`);
  await page.locator("a[href*='/letters/']").first().waitFor();
  const { list, count } = shop.deadLetters;
  const down = () => Promise.reject(new Error("down"));
  Object.assign(shop.deadLetters, { list: down, count: down });
  await page
    .getByText(/not available|down|failed|cannot be reached/i)
    .first()
    .waitFor();
  expect(await page.locator("a[href*='/letters/']").count()).toBeGreaterThan(0);
  await accessible(page);
  Object.assign(shop.deadLetters, { list, count });
  await shop.deliver("b");
  await expect.poll(() => page.locator("main a[href*='/letters/']").count(), { timeout: 15_000 }).toBe(2);
  expect(trouble).toEqual([]);
});

test("a keyboard alone is enough: from the list to a replay", async () => {
  const shop = await shopOn("SQLite", "Express");
  await shop.deliver("a");
  shop.fix();
  const { page } = await open();
  await page.goto(`${shop.url}/letters`);
  const link = page.locator("main a[href*='/letters/']").first();
  await link.waitFor();
  const tabTo = async (matches: () => Promise<boolean>): Promise<void> => {
    for (let n = 0; n < 60 && !(await matches()); n++) await page.keyboard.press("Tab");
    expect(await matches()).toBe(true);
  };
  await tabTo(() => link.evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Enter");
  const replay = button(page, "Replay").first();
  await replay.waitFor();
  await tabTo(() => replay.evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Enter");
  const confirm = dialog(page).getByRole("button", { name: "Replay" });
  await confirm.waitFor();
  await tabTo(() => confirm.evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Enter");
  await page.getByText("Completed: the letter has left the queue.").waitFor();
});
