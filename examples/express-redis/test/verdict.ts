/** What was promised about the load, and whether it came so. */
import { type Answer, describe } from "example-express-sqlite/sender";
import type { Sent } from "./load.js";

/** A sentence for each thing that is not as promised. */
export function violations(sent: readonly Sent[], effects: ReadonlyMap<string, number>): string[] {
  const ids = new Set(sent.map(({ event }) => event.orderId));
  const strange = [...effects.keys()].filter((id) => !ids.has(id));
  return [
    ...strange.map((id) => `${id} was never sent`),
    ...sent.flatMap((one) => {
      const happened = effects.get(one.event.orderId) ?? 0;
      const answered = one.answers.map(describe).join(", ");
      return [...problems(one, happened)].map(
        (problem) => `${one.event.id} (${one.route}, ${answered}): ${problem}`,
      );
    }),
  ];
}

function* problems({ answers, later, event, route }: Sent, effects: number): Generator<string> {
  if (effects !== 1) yield `${effects} effects`;
  for (const { status, body } of answers)
    if (status !== 200 && status !== 202) yield `answered ${status ?? body.code}`;
  const results = answers.filter(({ status }) => status === 200);
  if (results.filter(({ replayed }) => !replayed).length > 1) yield "two answers of a handler";
  for (const answer of later) if (!answer.replayed) yield `at the end: ${describe(answer)}`;
  for (const { body, replayed } of [...results, ...later]) {
    // A handler that returns nothing is answered for.
    const right = route === "stripe" ? "paid" : replayed ? "duplicate" : "ok";
    if (body.status !== right) yield `${body.status} instead of ${right}`;
    if (route === "stripe" && body.order !== event.orderId) yield `the answer of ${body.order}`;
  }
}

export interface Figures {
  deliveries: number;
  duplicates: number;
  /** Sent together with the first delivery, to the other process. */
  together: number;
  /** Of these pairs, those of which one was told that the other was being handled. */
  overlapped: number;
  answered202: number;
  replayed: number;
  askedAgain: number;
}

export function figuresOf(sent: readonly Sent[]): Figures {
  const answers = sent.flatMap((one) => one.answers);
  const together = sent.filter(({ duplicate }) => duplicate === "together");
  const is202 = ({ status }: Answer): boolean => status === 202;
  const count = <T>(items: readonly T[], counts: (item: T) => boolean): number => items.filter(counts).length;
  return {
    deliveries: answers.length,
    duplicates: answers.length - sent.length,
    together: together.length,
    overlapped: count(together, ({ note, answers }) => note === undefined && answers.some(is202)),
    answered202: count(answers, is202),
    replayed: count(answers, ({ replayed }) => replayed),
    askedAgain: sent.flatMap(({ later }) => later).length,
  };
}

export function inWords(figures: Figures): string {
  const { deliveries, duplicates, together, overlapped, answered202, replayed, askedAgain } = figures;
  return [
    `${deliveries} deliveries, ${duplicates} of them duplicates, ${together} of these sent together with the first`,
    `${overlapped} of these pairs overlapped`,
    `answered: ${answered202} × 202, ${replayed} × the stored response`,
    `${askedAgain} asked again`,
  ].join("; ");
}
