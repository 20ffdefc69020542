/** Whatever an event, its headers, its key or its error holds is shown as text: nothing runs, and nothing hides. */
import { type DeadLetter, letterId, type ReplayRecord } from "@hooklatch/core";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { button, shopOn } from "./apps.js";
import { useChromium } from "./chromium.js";
import { BODIES, CORPUS } from "./corpus.js";

const open = useChromium();
const AT = 1_700_000_000_000;

/** As a receiver keeps an event: a line of JSON, and the body. */
function eventOf(texts: readonly string[], body: string | Uint8Array): Uint8Array {
  const headers = Object.fromEntries(
    texts.map((text, n) => [n === 0 ? text.slice(0, 200) : `x-${n}`, text.slice(0, 5_000)]),
  );
  const url = `/in?${(texts[0] ?? "").slice(0, 500)}`;
  const head = { method: "POST", url, basePath: "", headers, receivedAt: AT };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), Buffer.from(body as string)]);
}

/** Each text in every place that a sender or an error can reach, as long as the engine lets it be there. */
function letterOf(texts: readonly string[], n: number, whole?: string | Uint8Array): DeadLetter {
  const part = (at: number): string =>
    (texts[at % texts.length] ?? "").slice(0, 900).replace(/\p{Surrogate}/gu, "\ufffd") || "x";
  const id = { scope: `s ${part(0)}`, tenant: `t ${part(1)}`, key: `${n} ${part(2)}` };
  const errors = texts.map((text) => ({
    name: text.slice(0, 200),
    code: text.slice(0, 200),
    message: text.slice(0, 2_000),
    stack: text.slice(0, 8_000),
  }));
  const attempts = errors.map((error, at) => ({
    attempt: at + 1,
    round: 1,
    startedAt: AT + at,
    durationMs: 1,
    owner: error.message.slice(0, 300),
    error,
  }));
  const replays = texts.map(
    (text, at): ReplayRecord => ({
      round: at + 2,
      at: AT,
      replayId: `r${at}`,
      by: text.slice(0, 300),
      note: text.slice(0, 900),
      changed: [text.slice(0, 300)],
    }),
  );
  return {
    ...id,
    id: letterId(id),
    bornAt: AT,
    token: 1,
    event: eventOf(texts, whole ?? JSON.stringify(texts)),
    originalEvent: eventOf(texts, texts.join("\n")),
    error: errors[0] as DeadLetter["error"],
    attempts,
    rounds: 1,
    replays,
    firstFailedAt: AT,
    diedAt: AT,
  };
}

/** What is in the page that must not be. */
function harmIn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const state = window as unknown as { __pwned?: number; __refused?: string[] };
    const found = [...(state.__refused ?? [])];
    if (state.__pwned !== undefined) found.push("something ran");
    if (({} as { polluted?: number }).polluted !== undefined) found.push("a prototype was changed");
    for (const element of document.querySelectorAll("*")) {
      const { localName } = element;
      if (
        ["iframe", "object", "embed", "base", "img", "video", "audio", "math", "marquee", "style"].includes(
          localName,
        )
      )
        found.push(`<${localName}>`);
      if (localName === "script" && !element.hasAttribute("src")) found.push("<script> without a source");
      for (const { name, value } of element.attributes) {
        if (name.startsWith("on")) found.push(`${localName} ${name}`);
        if (name === "href" && !value.startsWith("/") && !value.startsWith("#"))
          found.push(`${localName} ${value.slice(0, 40)}`);
      }
    }
    const hidden = (code: number): boolean =>
      code < 9 ||
      (code > 10 && code < 32) ||
      (code > 126 && code < 160) ||
      (code > 0x2027 && code < 0x202f) ||
      (code > 0x2065 && code < 0x206a);
    for (const char of document.body.textContent ?? "") {
      if (!hidden(char.codePointAt(0) ?? 0)) continue;
      found.push(`a hidden character: ${char.codePointAt(0)?.toString(16)}`);
      break;
    }
    return found;
  });
}

test("more than 200 hostile texts are nothing but text, wherever they stand", {
  timeout: 150_000,
}, async () => {
  expect(new Set(CORPUS.flat()).size).toBeGreaterThanOrEqual(200);
  const shop = await shopOn("SQLite", "Express", { pollMs: 60_000 });
  const letters = CORPUS.map((texts, n) => letterOf(texts, n));
  for (const [name, body] of Object.entries(BODIES)) letters.push(letterOf([name], letters.length, body));
  for (const letter of letters) await shop.deadLetters.push(letter);

  const { page, trouble } = await open();
  await page.addInitScript(() => {
    const refused: string[] = [];
    (window as unknown as { __refused: string[] }).__refused = refused;
    document.addEventListener(
      "securitypolicyviolation",
      (event) => void refused.push(`refused: ${event.violatedDirective}`),
    );
  });
  await page.goto(`${shop.url}/letters`);
  await page.locator("main a[href*='/letters/']").first().waitFor();
  expect(await harmIn(page)).toEqual([]);
  for (const { id, key } of letters) {
    const name = JSON.stringify(key.slice(0, 60));
    await page.goto(`${shop.url}/letters/${id}`);
    await page.getByText("Attempt 1").first().waitFor({ timeout: 10_000 });
    expect(await harmIn(page), name).toEqual([]);
    const raw = button(page, "Raw").first();
    if ((await raw.count()) > 0) await raw.click();
    await page.evaluate(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    expect(await harmIn(page), `${name}, all of it`).toEqual([]);
  }
  expect(trouble).toEqual([]);
});
