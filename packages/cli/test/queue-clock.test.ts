/** The queue's clock is not the one of who runs the command. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cliOf } from "./support/cli.js";
import { install } from "./support/installed.js";

const installed = install();
const cli = cliOf(installed);
const COUNT = 60;

/** A queue whose clock is off by so much, and into which one more letter comes once the letters were counted. */
function config(name: string, skewMs: number): string[] {
  const path = join(installed.app, name);
  writeFileSync(
    path,
    `import { letterId, memoryDeadLetters, memoryStore } from "@hooklatch/core";
const now = () => Date.now() + ${skewMs};
export default async () => {
  const deadLetters = memoryDeadLetters({ now });
  const push = (key) => deadLetters.push({
    scope: "orders", key, id: letterId({ scope: "orders", key }), bornAt: 1, token: 1, event: new Uint8Array([1]),
    error: { name: "E", message: "m" }, attempts: [], rounds: 1, firstFailedAt: 1, diedAt: 1,
  });
  for (let n = 0; n < ${COUNT}; n++) await push("k" + n);
  const { count } = deadLetters;
  deadLetters.count = async (query) => {
    const answer = await count(query);
    await push("late");
    return answer;
  };
  deadLetters.close = async () => console.error("left: " + (await deadLetters.list()).letters.map(({ key }) => key));
  return { store: memoryStore({ now }), deadLetters };
};
`,
  );
  return ["--config", path];
}

describe.each([
  ["right", 0],
  ["a minute behind", -60_000],
  ["a minute ahead", 60_000],
])("where it is %s, what arrives from the question on is left out, and nothing else", (name, skewMs) => {
  it.each([
    ["all", ["--all"]],
    ["of a filter", ["--scope=orders"]],
    ["up to a time to come", ["--arrived-before=2100-01-01"]],
  ])("%s", async (what, which) => {
    const at = config(`${name} ${what}.mjs`, skewMs);
    const run = await cli(["dlq", "discard", ...which, "--yes", "--json", ...at]);
    expect([run.code, run.json()]).toMatchObject([0, { letters: COUNT, discarded: COUNT }]);
    expect(run.err).toContain("left: late\n");
  });

  it("none", async () => {
    const at = config(`${name} none.mjs`, skewMs);
    const run = await cli(["dlq", "discard", "--scope=none", "--yes", "--json", ...at]);
    expect([run.code, run.json()]).toMatchObject([0, { letters: 0, discarded: 0 }]);
  });
});
