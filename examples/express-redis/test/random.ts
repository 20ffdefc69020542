/** Seeded randomness: what a failing run chose can be chosen again. When each thing then happens may differ. */
export interface Random {
  /** A whole number from 0 up to, but not including, `below`. */
  next(below: number): number;
  shuffled<T>(items: readonly T[]): T[];
}

/** mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(below: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }
  return {
    next,
    shuffled(items) {
      const all = [...items];
      for (let i = all.length - 1; i > 0; i--) {
        const j = next(i + 1);
        [all[i], all[j]] = [all[j], all[i]] as [(typeof all)[number], (typeof all)[number]];
      }
      return all;
    },
  };
}
