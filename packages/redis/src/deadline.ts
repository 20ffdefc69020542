/** A time limit for work that may never end. */
import { timedOut } from "./failures.js";

/** The outcome of `work`, or after `ms` a rejection with `store_timeout`; `onLate` is called before. A later outcome is ignored. */
export async function inTime<T>(ms: number, work: Promise<T>, onLate: () => void = () => {}): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onLate();
      reject(timedOut(ms));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
