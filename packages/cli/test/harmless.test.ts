import { jsonCodec } from "@hooklatch/core";
import { describe, expect, it } from "vitest";
import { until } from "../../servers/src/until.js";
import { createColours } from "../src/colours.js";
import { harmless, harmlessJson, quoted } from "../src/harmless.js";
import { compactJson, prettyJson } from "../src/json-text.js";
import { letterText } from "../src/letter-text.js";
import { letterShape } from "../src/shapes.js";
import { cut, widthOf } from "../src/width.js";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { failAgain } from "./support/letters.js";
import { scratch, sqlitePlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();

const between = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => String.fromCodePoint(from + n));
const CONTROLS = [...between(0, 0x1f), ...between(0x7f, 0x9f)];
const UNSEEN = [
  ...between(0x202a, 0x202e),
  ...between(0x2066, 0x2069),
  ...between(0x200b, 0x200f),
  ...["\u061c", "\u2028", "\u2029", "\ufeff", "\u2060", "\u00ad", "\u180e", "\u034f", "\u{e0041}", "\u3164"],
];
const SEQUENCES = [
  ...[
    "\u001b[2J",
    "\u001b[1;1H",
    "\u001b]0;title\u0007",
    "\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\",
  ],
  ...[
    "\u001b[31mred",
    "\u001b[?1049h",
    "\u001bP+q\u001b\\",
    "\u009b2J",
    "\u009d0;t\u009c",
    "\u001bc",
    "\u001b]52;c;aGk=\u0007",
  ],
  ...[
    "a\r\nb: c",
    "over\rwritten",
    "x\b\b\by",
    "\u001b[6n",
    "\u001b[A\u001b[K",
    "\t\t",
    "\n\nError: fake",
    "\u0000nul",
  ],
  ...["\ud800", "\udfff", "\ud83d lone", "x".repeat(50_000), "[".repeat(5_000) + "]".repeat(5_000)],
  ...[
    `${'{"a":'.repeat(3_000)}1${"}".repeat(3_000)}`,
    "e\u0301".repeat(500),
    `z${"\u0301".repeat(2_000)}`,
    "漢".repeat(300),
  ],
  ...[
    '{"\u001b[31m":"\u202e"}',
    "__proto__",
    "' OR 1=1",
    "$(touch x)",
    "`x`",
    "%s%n",
    "\\u001b[31m",
    "\u{1f468}\u200d\u{1f469}",
  ],
];
const HOSTILE = [
  ...SEQUENCES,
  ...CONTROLS.map((char) => `a${char}b`),
  ...CONTROLS.map((char) => `${char}[31m${char}`),
  ...UNSEEN.flatMap((char) => [`a${char}b`, char.repeat(3)]),
];
/** What may not leave, but for the end of a line. */
const FORBIDDEN = /(?:(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}])|\u034f|\u3164/u;

const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, "?");

describe("hostile text", () => {
  it(`of ${HOSTILE.length} kinds, in key, error, header and body: no forbidden byte leaves`, async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(200);
    const { at, bury, queue } = sqlitePlace(file("hostile.db"));
    const { colours } = createColours(false);
    const ids = await Promise.all(
      HOSTILE.map((text, n) =>
        bury({
          key: wellFormed(`${text.slice(0, 900)} ${n}`),
          tenant: wellFormed(text.slice(0, 1_000)),
          error: {
            name: text.slice(0, 100),
            code: text.slice(0, 100),
            message: text,
            stack: `${text}\n    at ${text}`,
          },
          headers: { [`x-${text.slice(0, 50)}`]: text, list: [text, text] },
          body: n % 2 === 0 ? text : JSON.stringify({ [text]: [text] }),
        }),
      ),
    );
    for (const id of ids) {
      const letter = await queue.get(id);
      if (letter === undefined) throw new Error("no letter");
      for (const raw of [true, false]) {
        const text = letterText(letter, undefined, colours, raw);
        expect(FORBIDDEN.exec(text)).toBeNull();
      }
      const shape = letterShape(letter, undefined);
      const json = harmlessJson(shape);
      expect(FORBIDDEN.exec(json)).toBeNull();
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(shape)));
    }
    const some = [0, 3, 11, 19, 20].map((n) => ids[n] ?? "");
    const runs = [
      ["dlq", "list", "--all"],
      ["dlq", "list", "--all", "--json"],
      ["dlq", "export"],
      ["stats"],
      ["doctor"],
      ...some.flatMap((id) => [
        ["dlq", "show", id],
        ["dlq", "show", id, "--raw", "--json"],
      ]),
      ["dlq", "show", "ab\u001b[31m\u202e"],
      ["dlq", "list", "--\u001b[31m"],
      ["operation", "show", "--scope=\u001b[2J", "--key=\u009b"],
    ];
    const outputs = await Promise.all(runs.map((args) => cli([...args, ...at])));
    for (const [n, { out, err }] of outputs.entries()) {
      expect([runs[n], FORBIDDEN.exec(out), FORBIDDEN.exec(err)]).toEqual([runs[n], null, null]);
    }
    expect(outputs[0]?.code).toBe(0);
    expect(outputs[1]?.json().letters).toHaveLength(HOSTILE.length);
    // Colours of our own pass, and no others.
    const coloured = await cli(["dlq", "show", ids[4] ?? "", ...at], { env: { FORCE_COLOR: "1" } });
    const left = coloured.out.replace(new RegExp(`${"\u001b"}\\[(1|2|22|3[0-9])m`, "g"), "");
    expect(FORBIDDEN.exec(left)).toBeNull();
    expect(coloured.out).toContain("\\u001b[31mred");
  });

  it("is neither a colour, where colours are on, nor a line of its own, in what is told of several letters", async () => {
    const { at, bury, store, queue } = sqlitePlace(file("coloured.db"));
    const scope = "s\u001b[8m\nforged";
    const id = await bury({ scope, key: "k\u001b[31m\nforged" });
    const env = { FORCE_COLOR: "1" };
    const waiting = cli(["dlq", "replay", id, "--wait", ...at], { env });
    await until("it is put back", async () => (await store.stats()).waiting === 1);
    await failAgain(store, queue, scope);
    const failed = await waiting;
    expect([failed.code, failed.out]).toEqual([4, expect.stringContaining("failed again")]);

    const letter = await queue.get(id);
    if (letter === undefined) throw new Error("no letter");
    await queue.push({ ...letter, id: id.slice(0, 32).padEnd(64, "0") });
    const ambiguous = await cli(["dlq", "show", id.slice(0, 20), ...at], { env });
    expect([ambiguous.code, ambiguous.err]).toEqual([2, expect.stringContaining("could be:")]);

    await store.schedule({ id: { scope, key: letter.key }, replayId: "r", delayMs: 0 });
    await store.claimDue({ scopes: [scope], owner: "w", leaseMs: 60_000, limit: 1 });
    const refused = await cli(["dlq", "replay", id, ...at], { env });
    const kept = await cli(["dlq", "discard", id, "--yes", ...at], { env });
    const ours = new RegExp(`${"\u001b"}\\[(31|32|33|39)m`, "g");
    for (const { code, out, err } of [failed, ambiguous, refused, kept]) {
      expect(out + err).not.toMatch(/^forged/m);
      expect(out + err).toContain("\\u001b[8m");
      expect((out + err).replaceAll(ours, "")).not.toMatch(FORBIDDEN);
      expect([2, 4]).toContain(code);
    }
  });

  it("cannot forge a colour of ours", () => {
    const { colours, shown } = createColours(true);
    const painted = colours.red("a\u001b[8mb");
    expect(shown(painted, harmless)).toBe("\u001b[31ma\\u001b[8mb\u001b[39m");
    expect(shown("\u001b[31m\u001b[0;31m\u001b[1m", harmless)).toBe("\\u001b[31m\\u001b[0;31m\\u001b[1m");
    // What another run has made is data in this one.
    expect(createColours(true).shown(painted, harmless)).not.toContain("\u001b[31m");
    expect(shown("\u001b[31m", (text) => text)).toBe("\u001b[31m");
    expect(createColours(false).colours.red("a")).toBe("a");
  });

  it("is shown as an escape, the same however often", () => {
    expect(harmless("a\u001b[31m\r\n\t\u202e\ud800\u{e0041}")).toBe(
      "a\\u001b[31m\\u000d\\u000a\\u0009\\u202e\\ud800\\u{e0041}",
    );
    expect(harmless("a\n\tb\r", { lines: true })).toBe("a\n    b\\u000d");
    expect(harmless("plain 漢字 é \u{1f600}")).toBe("plain 漢字 é \u{1f600}");
    for (const text of HOSTILE) expect(harmless(harmless(text))).toBe(harmless(text));
  });

  it("is read back by a shell as it was", async () => {
    expect(quoted("plain-1:/a.b")).toBe("plain-1:/a.b");
    expect(quoted("it's $HOME")).toBe(`'it'\\''s $HOME'`);
    expect(quoted("a\u001b\u202e'")).toBe("$'a\\x1b\\u202e\\''");
  });
});

describe("JSON as text", () => {
  it("is laid out and made compact without being read", () => {
    const text = '{"a":1.0,"a":12345678901234567890,"s":"x, {\\"y\\": 1}","e":{},"l":[1,[]]}';
    expect(prettyJson('{"a":[1,{"b":{}}]}')).toBe('{\n  "a": [\n    1,\n    {\n      "b": {}\n    }\n  ]\n}');
    expect(compactJson(prettyJson(text))).toBe(text);
    expect(jsonCodec().decodeInput(Buffer.from(prettyJson(text)))).toEqual(JSON.parse(text));
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    expect(prettyJson(deep).length).toBeLessThan(5_000_000);
  });
});

describe("width", () => {
  it("counts wide and combining characters, and cuts between them", () => {
    expect(["abc", "漢字", "e\u0301", "\u{1f600}", "\u0e01\u0e33", ""].map(widthOf)).toEqual([
      3, 4, 1, 2, 1, 0,
    ]);
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("漢字漢字", 5)).toBe("漢字…");
    expect(cut("漢字漢字", 4)).toBe("漢…");
    expect(cut("e\u0301e\u0301e\u0301", 3)).toBe("e\u0301e\u0301e\u0301");
  });
});
