import { setTimeout as sleep } from "node:timers/promises";

const DEADLINE_MS = 15_000;

/** Asks again and again until there is an answer. @throws when it takes longer than 15 s */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline)
      throw new Error(`Waited ${DEADLINE_MS / 1000} s in vain until ${what}.`);
    await sleep(25);
  }
}
