/** What was promised, what came, and whether it is the same. */
import { type Answer, describe } from "../sender.js";
import type { Facts, Subject } from "./evidence.js";

export interface Promised extends Facts {
  answered: string;
  /** Where more than one answer keeps the promise. Default: the one in `answered`. */
  accepts?: (answers: readonly Answer[]) => boolean;
}

export interface Check {
  text: string;
  ok: boolean;
}

export interface Row {
  sent: string;
  promised: Promised;
  /** Absent when the step failed. */
  got?: Facts & { answered: string };
  subjects: readonly Subject[];
  checks: Check[];
  ok: boolean;
}

export function rowOf(
  sent: string,
  promised: Promised,
  came: { subjects: readonly Subject[]; answers: readonly Answer[]; facts: Facts; checks?: Check[] },
): Row {
  const { subjects, answers, facts, checks = [] } = came;
  const answered = summary(answers);
  const ok =
    (promised.accepts?.(answers) ?? answered === promised.answered) &&
    (["runs", "effects", "orders", "ended"] as const).every((name) => facts[name] === promised[name]) &&
    checks.every((check) => check.ok);
  return { sent, promised, got: { ...facts, answered }, subjects, checks, ok };
}

/** `3 × 200 paid`; where they differ only the statuses, `2 × 200, 18 × 202`. */
function summary(answers: readonly Answer[]): string {
  if (answers.length === 0) return "not sent again";
  const [first = "", ...others] = [...new Set(answers.map(describe))];
  if (others.length === 0) return answers.length === 1 ? first : `${answers.length} × ${first}`;
  const counts = new Map<string, number>();
  for (const { status = "no answer" } of answers) counts.set(`${status}`, (counts.get(`${status}`) ?? 0) + 1);
  return [...counts]
    .sort()
    .map(([status, count]) => `${count} × ${status}`)
    .join(", ");
}

const colours = process.stdout.isTTY && !process.env.NO_COLOR;

export function mark(ok: boolean): string {
  if (!colours) return ok ? "✔" : "✘";
  return ok ? "\x1b[32m✔\x1b[0m" : "\x1b[31m✘\x1b[0m";
}

const WIDTHS = { sent: 39, answered: 27, runs: 4, effects: 9, orders: 8 };

export function table(rows: readonly Row[]): string {
  const titles = { answered: "the sender was answered", runs: "runs", effects: "effects", orders: "orders" };
  const head = `  ${line("what was sent", { ...titles, ended: "where it ended" })}`;
  const rule = "─".repeat(head.length + 1);
  return [rule, head, rule, ...rows.flatMap(linesOf), rule].join("\n");
}

function linesOf({ sent, promised, got, checks, ok }: Row): string[] {
  const nothing = { answered: "–", runs: "–", effects: "–", orders: "–", ended: "–" };
  return [
    `${mark(ok)} ${line(sent, got ?? nothing)}`,
    `  ${line("promised".padStart(WIDTHS.sent - 2), promised)}`,
    ...checks.map((check) => `    ${mark(check.ok)} ${check.text}`),
  ];
}

type Cells = Record<"answered" | "runs" | "effects" | "orders" | "ended", string | number>;

function line(sent: string, { answered, runs, effects, orders, ended }: Cells): string {
  const numbers = [
    `${runs}`.padStart(WIDTHS.runs),
    `${effects}`.padStart(WIDTHS.effects),
    `${orders}`.padStart(WIDTHS.orders),
  ];
  return `${sent.padEnd(WIDTHS.sent)}${`${answered}`.padEnd(WIDTHS.answered)}${numbers.join("")}  ${ended}`;
}
