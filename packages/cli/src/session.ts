/** One run of the program: what it writes to, and how it is interrupted. */
import { type Colours, createColours } from "./colours.js";
import { EXIT } from "./exit.js";
import { harmless, harmlessJson } from "./harmless.js";

export interface Session {
  readonly json: boolean;
  readonly colours: Colours;
  /** Columns of the terminal; without one, `COLUMNS` or no limit. */
  readonly width: number;
  /** Whether somebody is there to answer a question. */
  readonly canAsk: boolean;
  /** Whether stdout is a terminal. */
  readonly onTerminal: boolean;
  /** The result, for people: to stdout, with a line's end. Only colours of our own pass; everything else is made harmless. */
  out(text: string): void;
  /** The result, for programs: one object. */
  result(value: unknown): void;
  /** Beside the result: to stderr. */
  note(text: string): void;
  /** Aborted by Ctrl-C, SIGTERM or SIGHUP after `finishes` was called. */
  readonly interrupted: AbortSignal;
  /** The exit code of a run that came to its end, or that was interrupted: then that of the signal. */
  exitOf(exit: number): number;
  /** The command looks at `interrupted` from now on, and comes to an end of its own. A second signal does not wait for that. */
  finishes(): void;
  /** Called, synchronously, when the program ends before its time. */
  atExit(cleanUp: () => void): () => void;
  /** While it returns true, Ctrl-C is somebody else's: an editor's. */
  ignoreInterrupts(yes: boolean): void;
  /** From now on `redact` knows this secret. What is shorter than a password is not one. */
  hide(secret: string): void;
  /** The text without secrets. Notes and results for people pass it anyway. */
  redact(text: string): string;
}

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const;

export function createSession({ json, color }: { json: boolean; color: boolean }): Session {
  const { stdin, stdout, stderr, env } = process;
  const secrets = new Set<string>();
  const { colours, shown } = createColours(!json && wantsColours(color));
  const abort = new AbortController();
  const cleanUps = new Set<() => void>();
  let finishing = false;
  let ignoring = false;
  let exitOfSignal: number = EXIT.interrupted;

  const redact = (text: string): string =>
    [...secrets].reduce((left, secret) => left.replaceAll(secret, "***"), text);

  const safe = (text: string): string => shown(text, (part) => harmless(redact(part), { lines: true }));

  for (const [signal, exit] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (ignoring && signal === "SIGINT") return;
      if (finishing && !abort.signal.aborted) {
        exitOfSignal = exit;
        abort.abort();
        return;
      }
      for (const cleanUp of cleanUps) cleanUp();
      if (json)
        stdout.write(`${harmlessJson({ error: { code: "interrupted", message: "Interrupted." } })}\n`);
      else if (stderr.isTTY) stderr.write("\n");
      process.exit(exit);
    });
  }
  return {
    json,
    colours,
    width: stdout.isTTY ? stdout.columns || 80 : Number(env.COLUMNS) || Number.POSITIVE_INFINITY,
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    onTerminal: stdout.isTTY === true,
    out: (text) => void stdout.write(`${safe(text)}\n`),
    result: (value) => void stdout.write(`${harmlessJson(value)}\n`),
    note: (text) => void stderr.write(`${safe(text)}\n`),
    interrupted: abort.signal,
    exitOf: (exit) => (exit === EXIT.interrupted ? exitOfSignal : exit),
    finishes() {
      finishing = true;
    },
    atExit(cleanUp) {
      cleanUps.add(cleanUp);
      return () => void cleanUps.delete(cleanUp);
    },
    ignoreInterrupts(yes) {
      ignoring = yes;
    },
    hide: (secret) => void (secret.length >= 5 && secrets.add(secret)),
    redact,
  };
}

/** `--no-color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether stdout is a terminal. */
function wantsColours(color: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (!color || (NO_COLOR !== undefined && NO_COLOR !== "")) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return process.stdout.isTTY === true && TERM !== "dumb";
}
