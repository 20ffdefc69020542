/** Figures of interleaved rounds: medians, and how far they lie apart. */

/** `low` and `high`: the smallest and the largest of all rounds. */
export interface Figure {
  median: number;
  low: number;
  high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export function figureOf(values: readonly number[]): Figure {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** Of each round by itself: what the machine was busy with then concerns both. */
export function ratioOf(values: readonly number[], base: readonly number[]): Figure {
  return figureOf(values.map((value, round) => value / (base[round] as number)));
}

/** `1.28 (0.95–1.35)` */
export function spread({ median: middle, low, high }: Figure): string {
  return `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * Calls `measure` for each of `items` in each round, in another order each time, so that no item always follows the same one. The results by
 * item, a list with one for each round.
 */
export async function interleave<Item, Result>(
  items: readonly Item[],
  rounds: number,
  measure: (item: Item, round: number) => Promise<Result>,
): Promise<Map<Item, Result[]>> {
  const results = new Map<Item, Result[]>(items.map((item) => [item, []]));
  for (let round = 0; round < rounds; round++) {
    const turned = items.map((_, i) => items[(i + round) % items.length] as Item);
    const order = round % 2 === 0 ? turned : turned.reverse();
    for (const item of order) results.get(item)?.push(await measure(item, round));
  }
  return results;
}
