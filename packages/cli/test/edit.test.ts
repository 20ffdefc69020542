import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { deliveredIn, replay, withBody } from "@hooklatch/core";
import { expect, it } from "vitest";
import { until } from "../../servers/src/until.js";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";
import { failAgain } from "./support/letters.js";
import { scratch, sqlitePlace } from "./support/places.js";

const installed = install();
const cli = cliOf(installed);
const file = scratch();

/** A program that notes what it was given, and changes the file with sed. */
function editor(name: string, change: string): string {
  const path = file(name);
  const script = `#!/bin/sh\nls -l "$1" > '${path}.mode'\ncp "$1" '${path}.saw'\nprintf '%s' "$1" > '${path}.path'\n${change}\n`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

const bodyOf = (event: Uint8Array | undefined) =>
  Buffer.from(deliveredIn(event ?? new Uint8Array())?.body ?? []).toString();

it("edits JSON laid out for people, keeps numbers as they are, and leaves no file behind", async () => {
  const { at, bury, store } = sqlitePlace(file("edit.db"));
  const body = '{"id":12345678901234567890,"order":"wrong","a":1.0,"list":[]}';
  const id = await bury({ key: "A1", body });
  const script = editor("editor", `sed -i 's/wrong/right/' "$1"`);
  const run = await cli(["dlq", "edit", id, "--yes", ...at, "--by=ann"], {
    env: { VISUAL: `'${script}'`, EDITOR: "false" },
  });
  expect([run.code, run.out]).toEqual([
    0,
    "Put back with the new body. The body as it was delivered is kept.\n",
  ]);
  expect(run.err).toContain("/order");
  expect(run.err).toContain('-   "order": "wrong",\n+   "order": "right",');
  expect(readFileSync(`${script}.saw`, "utf8")).toBe(
    '{\n  "id": 12345678901234567890,\n  "order": "wrong",\n  "a": 1.0,\n  "list": []\n}\n',
  );
  expect(readFileSync(`${script}.mode`, "utf8")).toMatch(/^-rw------- /);
  expect(existsSync(readFileSync(`${script}.path`, "utf8"))).toBe(false);
  const record = await store.get({ scope: "orders", key: "A1" });
  expect(bodyOf(record?.event)).toBe(body.replace("wrong", "right"));
  expect(bodyOf(record?.originalEvent)).toBe(body);
  expect(record?.replays).toMatchObject([{ by: "ann", changed: ["/order"] }]);
});

it("does nothing when nothing was changed, laid out anew or not", async () => {
  const { at, bury, store } = sqlitePlace(file("unchanged.db"));
  const letters = [
    await bury({ key: "A1" }),
    await bury({ key: "T1", body: "no json\n" }),
    await bury({ key: "T2", body: "x" }),
    await bury({ key: "T3", body: '{ "a": [1,  2] }' }),
  ];
  const cases: [string, string][] = [
    [letters[0] ?? "", "true"],
    [letters[0] ?? "", `tr -d '\\n' < "$1" > "$1.x"; mv "$1.x" "$1"`],
    [letters[1] ?? "", "true"],
    [letters[2] ?? "", `echo x > "$1"`],
    [letters[3] ?? "", `tr -d '\\n' < "$1" > "$1.x"; mv "$1.x" "$1"`],
  ];
  await Promise.all(
    cases.map(async ([id, change], n) => {
      const run = await cli(["dlq", "edit", id, "--yes", ...at, "--json"], {
        env: { EDITOR: `'${editor(`e${n}`, change)}'` },
      });
      expect([n, run.code, run.json()]).toEqual([n, 0, { id, status: "unchanged", changed: [] }]);
    }),
  );
  expect(await store.stats()).toMatchObject({ dead: 4, waiting: 0 });
});

it("takes a body from a file or stdin, byte for byte; an editor that fails, or no yes, changes nothing", async () => {
  const { at, bury, store } = sqlitePlace(file("given.db"));
  const [a, b, c] = [
    await bury({ key: "A1" }),
    await bury({ key: "B1", body: "text" }),
    await bury({ key: "C1" }),
  ];
  writeFileSync(file("new body"), Buffer.from([0xff, 0x0a]));
  const asked = await cli(["dlq", "edit", c, ...at, "--json"], { env: { EDITOR: "false" } });
  expect([asked.code, asked.json()]).toMatchObject([5, { error: { code: "not_confirmed" } }]);
  const failed = await cli(["dlq", "edit", c, "--yes", ...at, "--json"], { env: { EDITOR: "exit 7;" } });
  expect([failed.code, failed.json()]).toMatchObject([1, { error: { code: "editor_failed" } }]);
  expect((await store.get({ scope: "orders", key: "C1" }))?.state).toBe("dead");

  const fromFile = await cli(["dlq", "edit", a, "--body-file", file("new body"), "--yes", ...at]);
  expect(fromFile.code).toBe(0);
  expect(fromFile.err).toContain("the body was JSON, and is not any more");
  const fromStdin = await cli(["dlq", "edit", b, "--body", "-", "--yes", ...at, "--json"], {
    stdin: "new text",
  });
  expect(fromStdin.json()).toEqual({ id: b, status: "scheduled", changed: ["body"] });
  const [first, second] = await Promise.all(["A1", "B1"].map((key) => store.get({ scope: "orders", key })));
  expect(deliveredIn(first?.event ?? new Uint8Array())?.body).toEqual(new Uint8Array([0xff, 0x0a]));
  expect(bodyOf(second?.event)).toBe("new text");
  expect(readdirSync(installed.app).filter((name) => name.startsWith("hooklatch-"))).toEqual([]);
});

it("edits the letter that was seen: one that another has edited and that failed again meanwhile is left as it is", async () => {
  const { at, bury, store, queue } = sqlitePlace(file("moved on.db"));
  const id = await bury({ key: "A1" });
  const script = editor(
    "slow editor",
    `printf '{"order":"ann"}' > "$1"; while [ ! -e '${file("closed")}' ]; do sleep 0.05; done`,
  );
  const run = cli(["dlq", "edit", id, "--yes", ...at, "--json"], { env: { EDITOR: `'${script}'` } });
  await until("ann's editor is open", () => existsSync(`${script}.path`));
  const letter = await queue.get(id);
  if (letter === undefined) throw new Error("no letter");
  const event = withBody(letter.event, Buffer.from('{"order":"bob"}'));
  await replay({ store, deadLetters: queue, id, event, by: "bob" });
  await failAgain(store, queue, "orders");
  writeFileSync(file("closed"), "");
  const { code, json } = await run;
  expect([code, json()]).toEqual([4, { id, status: "superseded", changed: ["/order"] }]);
  expect(bodyOf((await queue.get(id))?.event)).toBe('{"order":"bob"}');
  expect(await store.get({ scope: "orders", key: "A1" })).toMatchObject({
    state: "dead",
    replays: [{ by: "bob" }],
  });
});

it("says that a body's file is not there", async () => {
  const { at, bury } = sqlitePlace(file("no body.db"));
  const id = await bury({ key: "A1" });
  const run = await cli(["dlq", "edit", id, "--body-file", file("none.json"), "--yes", ...at, "--json"]);
  expect([run.code, run.json()]).toMatchObject([3, { error: { code: "file_missing" } }]);
});
