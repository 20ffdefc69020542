/** How long the event loop is kept from turning: what a timer, a heartbeat or another request waits. */

export interface Block {
  /** The turn in which 99 % of the time has passed in shorter ones: how long somebody waits who comes at any moment, at the most. */
  p99Ms: number;
  maxMs: number;
}

/** Keeps the loop turning while `act` runs, which costs some of its speed. */
export async function turnsDuring(act: () => Promise<unknown>): Promise<Block> {
  const turns: number[] = [];
  let last = performance.now();
  let over = false;
  const stopped = new Promise<void>((resolve) => {
    function turn(): void {
      const now = performance.now();
      turns.push(now - last);
      last = now;
      if (over) resolve();
      else setImmediate(turn);
    }
    setImmediate(turn);
  });
  try {
    await act();
  } finally {
    over = true;
  }
  await stopped;
  turns.sort((a, b) => a - b);
  const total = turns.reduce((sum, turn) => sum + turn, 0);
  let passed = 0;
  const at = turns.find((turn) => {
    passed += turn;
    return passed >= 0.99 * total;
  });
  return { p99Ms: at ?? Number.NaN, maxMs: turns.at(-1) ?? Number.NaN };
}
