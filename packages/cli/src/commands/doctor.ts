import type { StoreDescription } from "@hooklatch/core";
import type { Command } from "commander";
import { type Context, examples, type Runs } from "../context.js";
import { type Check, type Examined, examine } from "../examination.js";
import { EXIT } from "../exit.js";
import { harmless } from "../harmless.js";
import type { Session } from "../session.js";

export function addDoctor(program: Command, runs: Runs): void {
  const command = program
    .command("doctor")
    .description(
      "What the store promises with its settings as they are, and whether work goes on. Exit code 0: all is well, 4: there are warnings, 1: something fails.",
    )
    .action(runs(doctorCommand));
  examples(
    command,
    "hooklatch doctor --store redis://localhost:6379/0",
    "hooklatch doctor --json | jq .status",
  );
}

async function doctorCommand({ session, place }: Context<unknown>): Promise<number> {
  const examined = await examine(place, (text) => session.redact(text));
  if (session.json) session.result(examined);
  else session.out(textOf(session, examined));
  return { ok: EXIT.done, warnings: EXIT.refused, failed: EXIT.failed }[examined.status];
}

const KEEPS = {
  everything: ["✓", "nothing is lost", "green"],
  most: ["!", "a little may be lost", "yellow"],
  nothing: ["✗", "everything is lost", "red"],
  unknown: ["?", "not known", "yellow"],
} as const;
const CHECKED = {
  ok: ["✓", "ok", "green"],
  warning: ["!", "warning", "yellow"],
  error: ["✗", "error", "red"],
} as const;

function textOf(session: Session, { store, checks, status }: Examined): string {
  const { colours } = session;
  const checkLine = ({ status: how, message }: Check): string => {
    const [sign, word, colour] = CHECKED[how];
    return `  ${colours[colour](`${sign} ${word}`)}: ${harmless(message)}`;
  };
  const ends = {
    ok: colours.green("All is well."),
    warnings: colours.yellow("There are warnings."),
    failed: colours.red("Something fails."),
  };
  return [
    ...(store === null ? [] : storeLines(session, store)),
    colours.bold("Checks"),
    ...checks.map(checkLine),
    "",
    ends[status],
  ].join("\n");
}

function storeLines({ colours }: Session, { kind, facts, promises }: StoreDescription): string[] {
  const longest = Math.max(0, ...Object.keys(facts).map(({ length }) => length));
  return [
    colours.bold(`Store: ${harmless(kind)}`),
    ...Object.entries(facts).map(
      ([name, value]) => `  ${harmless(name.padEnd(longest))}  ${harmless(value)}`,
    ),
    "",
    colours.bold("Promises"),
    ...promises.map(({ when, keeps, why }) => {
      const [sign, word, colour] = KEEPS[keeps];
      return `  ${colours[colour](`${sign} ${word}`)} when ${harmless(when)}. ${harmless(why)}`;
    }),
    "",
  ];
}
