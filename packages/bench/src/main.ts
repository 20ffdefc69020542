/** `pnpm bench [part …] [--rounds N] [--share X]`, `pnpm bench page`. */
import { parseArgs } from "node:util";
import { costs } from "./costs/part.js";
import { growth } from "./growth/part.js";
import { http } from "./http/part.js";
import { writePage } from "./page.js";
import type { Part } from "./part.js";
import { save } from "./results.js";
import { stores } from "./stores/part.js";

const PARTS: readonly Part<unknown>[] = [
  asUnknown(http),
  asUnknown(stores),
  asUnknown(growth),
  asUnknown(costs),
];
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "7" }, share: { type: "string", default: "1" } },
});
const rounds = atLeast("rounds", values.rounds, 1);
const share = atLeast("share", values.share, 0.001);
const wanted = positionals.length === 0 ? [...PARTS.map(({ name }) => name), "page"] : positionals;
for (const name of wanted) {
  if (name !== "page" && PARTS.every((part) => part.name !== name)) {
    throw new Error(
      `There is no part ${name}: choose from ${PARTS.map((part) => part.name).join(", ")}, page.`,
    );
  }
}
for (const part of PARTS.filter(({ name }) => wanted.includes(name))) {
  say(`${part.name}: ${rounds} rounds`);
  const result = await part.measure({ rounds, share, log: say });
  save(part.name, { rounds, share, result });
}
if (wanted.includes("page")) writePage(PARTS);

function asUnknown<Result>(part: Part<Result>): Part<unknown> {
  return { ...part, section: (result) => part.section(result as Result) };
}

function atLeast(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= least) return number;
  throw new Error(`--${name} must be a number from ${least}; it is ${text}.`);
}
