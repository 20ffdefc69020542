/** Timers that are made: each costs about as much as the rest of an operation's bookkeeping. */

/** How many calls of `setTimeout` and `setInterval` there are while `act` runs. */
export async function timersMadeBy(act: () => Promise<unknown>): Promise<number> {
  const { setTimeout, setInterval } = globalThis;
  let made = 0;
  const counting = <Make extends (...args: never[]) => unknown>(make: Make): Make =>
    Object.assign((...args: Parameters<Make>) => {
      made++;
      return make(...args);
    }, make) as Make;
  Object.assign(globalThis, { setTimeout: counting(setTimeout), setInterval: counting(setInterval) });
  try {
    await act();
  } finally {
    Object.assign(globalThis, { setTimeout, setInterval });
  }
  return made;
}
