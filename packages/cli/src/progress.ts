/** How far long work is, on stderr. */
import { harmless } from "./harmless.js";

const REDRAW_MS = 100;
/** Where there is no terminal. */
const SAY_AGAIN_MS = 5_000;

export interface Progress {
  /** `of`: unknown where absent. */
  at(done: number, of?: number): void;
  end(): void;
}

/** On a terminal one line that is drawn again; elsewhere a line now and then, and none for short work. */
export function createProgress(what: string): Progress {
  const { stderr } = process;
  const every = stderr.isTTY ? REDRAW_MS : SAY_AGAIN_MS;
  let saidAt = performance.now();
  let drawn = false;
  return {
    at(done, of) {
      if (performance.now() - saidAt < every) return;
      saidAt = performance.now();
      const share = of === undefined ? "" : ` of ${of} (${Math.floor((Math.min(done, of) / of) * 100)} %)`;
      const line = harmless(`${what}: ${done}${share}`);
      drawn = true;
      stderr.write(stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end() {
      if (drawn && stderr.isTTY) stderr.write("\r\u001b[K");
      drawn = false;
    },
  };
}
