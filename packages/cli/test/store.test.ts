import { letterId } from "@hooklatch/core";
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { redisPlace, scratch, sqlitePlace, type TestPlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();
const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const lease = { leaseMs: 60_000, redelivery: "rerun", redeliveryAfterMs: 0 } as const;

const places: [string, () => TestPlace][] = [
  ["SQLite", () => sqlitePlace(file("store.db"))],
  ...(redisUrl() === undefined ? [] : ([["Redis", redisPlace]] as [string, () => TestPlace][])),
];

describe.each(places)("on %s", (name, open) => {
  it("shows an operation and takes a stuck one over", async () => {
    const { at, store } = open();
    const id = { scope: "orders", tenant: "acme", key: "K 1" };
    await store.claim({ id, owner: "me", event: new Uint8Array([1, 2]), ...lease });
    const named = ["--scope=orders", "--tenant=acme", "--key=K 1", ...at];
    const shown = await cli(["operation", "show", ...named, "--json"]);
    expect([shown.code, shown.json()]).toEqual([
      0,
      {
        ...{ ...id, state: "running", owner: "me", round: 1, token: 1, attempt: 1, leaseUntil: ISO },
        ...{ bornAt: ISO, changedAt: ISO, attempts: [], replays: [], edited: false },
        ...{ eventBytes: 2, resultBytes: null, letter: "none", letterId: letterId(id) },
      },
    ]);
    expect((await cli(["operation", "show", ...named])).out).toMatch(/lease +.*for \d+\.?\d* s more/);
    const none = await cli(["operation", "show", "--scope=orders", "--key=none", ...at, "--json"]);
    expect([none.code, none.json()]).toMatchObject([3, { error: { code: "operation_not_found" } }]);

    expect((await cli(["operation", "release", ...named])).code).toBe(5);
    const released = await cli(["operation", "release", ...named, "--yes", "--by=ann", "--json"]);
    expect([released.code, released.json()]).toEqual([0, { ...id, status: "scheduled" }]);
    expect(released.err).toContain("not stopped");
    const record = await store.get(id);
    expect([record?.state, record?.replays[0]?.by]).toEqual(["waiting", "ann"]);
  });

  it("counts by scope, and says what it promises", async () => {
    const { at, store, bury } = open();
    // The file is shared by the tests of this group.
    await bury({ key: "A1", scope: "counted" });
    await store.claim({ id: { scope: "counted", key: "K2" }, owner: "me", ...lease });
    const one = await cli(["stats", "--scope=counted", ...at, "--json"]);
    const counts = { running: 1, waiting: 0, completed: 0, dead: 1, released: 0, unsettled: 0 };
    const shape = { ...counts, letters: 1, oldestWaitingAt: null };
    expect([one.code, one.json()]).toEqual([0, { scopes: [{ scope: "counted", ...shape }], total: shape }]);
    const all = (await cli(["stats", ...at, "--json"])).json();
    expect(all.scopes).toContainEqual({ scope: "counted", ...shape });
    expect((await cli(["stats", ...at])).out).toMatch(/^SCOPE +RUNNING +WAITING/);
    expect((await cli(["stats", "--watch", ...at])).code).toBe(2);

    const doctor = await cli(["doctor", ...at, "--json"]);
    const found = doctor.json() as {
      status: string;
      store: { kind: string };
      checks: { name: string; status: string }[];
    };
    expect(found.store).toMatchObject({
      kind: name.toLowerCase(),
      facts: expect.any(Object),
      warnings: expect.any(Array),
    });
    expect(found.checks.slice(0, 1)).toEqual([
      { name: "store", status: "ok", message: "The store answers." },
    ]);
    expect(doctor.code).toBe(found.status === "ok" ? 0 : 4);
    const text = await cli(["doctor", ...at]);
    expect(text.out).toMatch(/✓ nothing is lost when /);
    expect(text.code).toBe(doctor.code);
  });
});

describe("doctor", () => {
  it("is content with 0, warns with 4 of work that nobody takes and of letters that are missing, fails with 1", async () => {
    const fine = sqlitePlace(file("fine.db"));
    await fine.bury({ key: "A1" });
    const ok = await cli(["doctor", ...fine.at, "--json"]);
    expect([ok.code, ok.json().status]).toEqual([0, "ok"]);

    const idle = sqlitePlace(file("idle.db"));
    const held = { owner: "me", token: 1 };
    for (const key of ["due", "dead", "unsettled"])
      await idle.store.claim({
        id: { scope: "orders", key },
        owner: "me",
        event: new Uint8Array(1),
        ...lease,
      });
    await idle.store.retry({ id: { scope: "orders", key: "due" }, ...held, delayMs: -120_000 });
    const error = { name: "Error", message: "no" };
    await idle.store.fail({ id: { scope: "orders", key: "dead" }, ...held, error, letter: false });
    await idle.store.fail({ id: { scope: "orders", key: "unsettled" }, ...held, error, letter: true });
    const warned = await cli(["doctor", ...idle.at, "--json"]);
    expect(warned.code).toBe(4);
    const checks = warned.json().checks as {
      name: string;
      status: string;
      scope?: string;
      message: string;
    }[];
    const warnings = checks.filter(({ status }) => status === "warning");
    expect(warnings.map(({ name, scope }) => [name, scope])).toEqual([
      ["worker", "orders"],
      ["unsettled", "orders"],
      ["letters", "orders"],
    ]);
    expect(warnings[0]?.message).toContain("Is a worker running for scope orders?");

    const url = "redis://ann:se%63ret-word@127.0.0.1:1/0";
    const failed = await cli(["doctor", "--store", url, "--json"]);
    expect([failed.code, failed.json()]).toMatchObject([1, { status: "failed", store: null }]);
    const list = await cli(["dlq", "list", "--store", url]);
    expect([list.code, list.out]).toEqual([1, ""]);
    expect(list.err).toContain("redis://***@127.0.0.1:1/0 does not answer");
    for (const { out, err } of [failed, list]) expect(out + err).not.toMatch(/se(%63|c)ret-word/);
  });
});
