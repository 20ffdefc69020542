import { letterId } from "@hooklatch/core";
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { redisPlace, scratch, sqlitePlace, type TestPlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();
const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

async function threeLetters(place: TestPlace): Promise<string[]> {
  const a = await place.bury({ key: "A1" });
  const b = await place.bury({
    key: "B2",
    tenant: "acme",
    error: {
      name: "TimeoutError",
      code: "ETIMEDOUT",
      message: "the Bank did not answer",
      stack: "TimeoutError\n    at pay",
    },
  });
  const c = await place.bury({ key: "C3", scope: "mails", input: '{"to":"x"}' });
  return [a, b, c];
}

const places: [string, () => TestPlace][] = [
  ["SQLite", () => sqlitePlace(file("list.db"))],
  ...(redisUrl() === undefined ? [] : ([["Redis", redisPlace]] as [string, () => TestPlace][])),
];

describe.each(places)("dlq list and show on %s", (_, open) => {
  it("lists, the newest first, in exactly this shape", async () => {
    const place = open();
    const [a, b, c] = await threeLetters(place);
    const { code, err, json } = await cli(["dlq", "list", ...place.at, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const common = { attempts: 1, rounds: 1, replays: 0, edited: false, state: "dead" };
    const times = { firstFailedAt: ISO, failedAt: ISO, arrivedAt: ISO };
    expect(json()).toEqual({
      letters: [
        {
          id: c,
          scope: "mails",
          key: "C3",
          error: { name: "TypeError", message: "no C3" },
          ...common,
          ...times,
        },
        {
          ...{ id: b, scope: "orders", tenant: "acme", key: "B2", ...common, ...times },
          error: { name: "TimeoutError", code: "ETIMEDOUT", message: "the Bank did not answer" },
        },
        {
          id: a,
          scope: "orders",
          key: "A1",
          error: { name: "TypeError", message: "no A1" },
          ...common,
          ...times,
        },
      ],
      nextCursor: null,
    });

    const keysOf = async (...options: string[]) => {
      const run = await cli(["dlq", "list", ...place.at, "--json", ...options]);
      expect(run.code).toBe(0);
      return (run.json().letters as { key: string }[]).map(({ key }) => key);
    };
    const found: [string[], string[]][] = [
      [
        ["--scope", "orders"],
        ["B2", "A1"],
      ],
      [["--tenant", "acme"], ["B2"]],
      [["--key", "C3"], ["C3"]],
      [["--error", "ETIMEDOUT"], ["B2"]],
      [["--error", "TypeError", "--scope", "orders"], ["A1"]],
      [["--text", "bank DID"], ["B2"]],
      [
        ["--first-failed-after", "1h"],
        ["C3", "B2", "A1"],
      ],
      [["--first-failed-before", "1h"], []],
      [
        ["--failed-after", "2020-01-01"],
        ["C3", "B2", "A1"],
      ],
      [["--failed-before", "2020-01-01T10:00"], []],
      [
        ["--arrived-after", "90s", "--arrived-before", "2100-01-01"],
        ["C3", "B2", "A1"],
      ],
      [["--min-replays", "1"], []],
      [
        ["--max-replays", "0"],
        ["C3", "B2", "A1"],
      ],
      [["--limit", "1"], ["C3"]],
      [["--all"], ["C3", "B2", "A1"]],
    ];
    await Promise.all(
      found.map(async ([options, keys]) =>
        expect([options, await keysOf(...options)]).toEqual([options, keys]),
      ),
    );
    const first = (await cli(["dlq", "list", ...place.at, "--json", "--limit", "2"])).json();
    expect(await keysOf("--cursor", first.nextCursor as string)).toEqual(["A1"]);
  });

  it("shows everything, in exactly this shape, and by an abbreviated id", async () => {
    const place = open();
    const id = await place.bury({
      ...{ key: "S1", tenant: "acme", body: Buffer.from([0xff, 0x00]), headers: { "x-a": ["1", "2"] } },
      error: { name: "TypeError", message: "no", stack: "TypeError: no\n    at handler" },
    });
    const run = await cli(["dlq", "show", id.slice(0, 8), ...place.at, "--json"]);
    expect([run.code, run.err]).toEqual([0, ""]);
    const error = { name: "TypeError", message: "no", stack: "TypeError: no\n    at handler" };
    expect(run.json()).toEqual({
      ...{ id, scope: "orders", tenant: "acme", key: "S1", error },
      attempts: [
        {
          round: 1,
          attempt: 1,
          startedAt: ISO,
          durationMs: 5,
          error,
          ...(owner(run) && { owner: owner(run) }),
        },
      ],
      ...{ rounds: 1, replays: [], edited: false, token: 1 },
      event: {
        ...{ method: "POST", url: "/webhooks/orders", headers: { "x-a": ["1", "2"] } },
        ...{ receivedAt: "2025-01-02T03:04:05.000Z", body: { base64: "/wA=" } },
      },
      ...{ bornAt: ISO, firstFailedAt: ISO, failedAt: ISO, arrivedAt: ISO },
      operation: { state: "dead", token: 1, attempt: 1 },
    });
    const text = await cli(["dlq", "show", id, ...place.at]);
    for (const part of [
      id,
      "acme",
      "S1",
      "at handler",
      "POST /webhooks/orders",
      "x-a: 2",
      "/wA=",
      "round 1",
      "dead (token 1",
    ])
      expect(text.out).toContain(part);
  });
});

/** Redis and SQLite may both keep it; it is shown where it is kept. */
function owner(run: { json(): Record<string, unknown> }): string | undefined {
  return (run.json().attempts as { owner?: string }[])[0]?.owner;
}

describe("ids", () => {
  it("an unknown one is not found; a short or wrong one is wrong usage", async () => {
    const place = sqlitePlace(file("ids.db"));
    const unknown = await cli(["dlq", "show", "ab".repeat(32), ...place.at, "--json"]);
    expect(unknown.code).toBe(3);
    expect(unknown.json()).toEqual({ error: { code: "letter_not_found", message: expect.any(String) } });
    expect((await cli(["dlq", "show", "abcdef", ...place.at])).code).toBe(3);
    for (const id of ["abc", "xyzxyz"]) expect((await cli(["dlq", "show", id, ...place.at])).code).toBe(2);
  });

  it("says when one is ambiguous, and what it could be", async () => {
    const place = sqlitePlace(file("ambiguous.db"));
    // Two keys whose letters' ids begin with the same six digits, found beforehand by trying.
    const keys = collision();
    await Promise.all(keys.map((key) => place.bury({ key })));
    const [prefix] = keys.map((key) => letterId({ scope: "orders", key }).slice(0, 6));
    const run = await cli(["dlq", "show", prefix ?? "", ...place.at, "--json"]);
    expect(run.code).toBe(2);
    const { error } = run.json() as { error: { code: string; message: string } };
    expect(error.code).toBe("ambiguous_id");
    for (const key of keys) expect(error.message).toContain(letterId({ scope: "orders", key }));
  });
});

function collision(): [string, string] {
  const seen = new Map<string, string>();
  for (let n = 0; ; n++) {
    const key = `k${n}`;
    const prefix = letterId({ scope: "orders", key }).slice(0, 6);
    const other = seen.get(prefix);
    if (other !== undefined) return [other, key];
    seen.set(prefix, key);
  }
}
