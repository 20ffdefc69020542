/**
 * The history of one run, kept outside of the system under test: one JSON line for each thing that happened, appended by all
 * processes to one file.
 */
import { closeSync, existsSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type Verb = "extend" | "complete" | "retry" | "fail";

export type Fact =
  /** What the store answered an app. `sentAt`: when it was asked. */
  | { kind: "claimed"; key: string; token: number; attempt: number; recovered: boolean; sentAt: number }
  | { kind: "sent"; verb: Verb; key: string; token: number }
  | { kind: "wrote"; verb: Verb; key: string; token: number; confirmed: boolean; sentAt: number }
  /** What a handler did. `run`: unique for each start. */
  | { kind: "start"; key: string; token: number; attempt: number; run: string }
  | { kind: "effect"; key: string; run: string }
  | { kind: "failed"; key: string; run: string }
  /** What a listener was told. */
  | { kind: "heard"; name: string; key: string; text?: string }
  /** The app is about to end its own process. */
  | { kind: "crash"; point: string }
  /** What the harness saw or did. */
  | {
      kind: "exit";
      of: string;
      code: number | null;
      signal: string | null;
      asked: "kill" | "term" | null;
      stderr: string;
    }
  | { kind: "fault"; fault: "kill" | "pause" | "resume" | "term"; to: string }
  | {
      kind: "storeFault";
      fault: "kill" | "pause" | "up" | "flush" | "cut" | "promote" | "failover";
      of: string;
    }
  /** A delivery that got no answer. */
  | { kind: "unanswered"; key: string; from: string; reason: string; sentAt: number }
  /** `replayed`: says of itself that it is a stored one. */
  | {
      kind: "answer";
      key: string;
      from: string;
      status: number;
      body: string;
      replayed: boolean;
      sentAt: number;
    };

/** `at`: ms on the machine's monotonic clock, which all processes share. `by`: the process. */
export type Entry = Fact & { at: number; by: string };
type FactOf<Kind extends Fact["kind"]> = Extract<Entry, { kind: Kind }>;

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export type Note = (fact: Fact) => void;

/** Each line is with the system when `note` returns: it outlives the process, and nothing here ends the system. */
export function openLedger(path: string, by: string): Note {
  const file = openSync(path, "a");
  return (fact) => {
    writeSync(file, `${JSON.stringify({ ...fact, at: now(), by })}\n`);
  };
}

/** Follows the ledger while it grows. */
export class History {
  readonly entries: Entry[] = [];
  #file: number | undefined;
  #offset = 0;
  #rest = Buffer.alloc(0);
  readonly #buffer = Buffer.alloc(1 << 20);

  constructor(readonly path: string) {}

  /** Reads what was added, and returns all. */
  read(): readonly Entry[] {
    if (this.#file === undefined) {
      if (!existsSync(this.path)) return this.entries;
      this.#file = openSync(this.path, "r");
    }
    for (;;) {
      const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, this.#offset);
      if (length === 0) return this.entries;
      this.#offset += length;
      const bytes = Buffer.concat([this.#rest, this.#buffer.subarray(0, length)]);
      const end = bytes.lastIndexOf(10) + 1;
      this.#rest = bytes.subarray(end);
      for (const line of bytes.toString("utf8", 0, end).split("\n")) {
        if (line !== "") this.entries.push(JSON.parse(line) as Entry);
      }
    }
  }

  of<Kind extends Fact["kind"]>(kind: Kind): FactOf<Kind>[] {
    return this.read().filter((entry) => entry.kind === kind) as FactOf<Kind>[];
  }

  /** The first entry of this kind that matches, as soon as it is there. */
  async until<Kind extends Fact["kind"]>(
    kind: Kind,
    matches: (entry: FactOf<Kind>) => boolean,
    patienceMs = 20_000,
  ): Promise<FactOf<Kind>> {
    const deadline = now() + patienceMs;
    let seen = 0;
    for (;;) {
      const entries = this.read();
      for (; seen < entries.length; seen++) {
        const entry = entries[seen] as FactOf<Kind>;
        if (entry.kind === kind && matches(entry)) return entry;
      }
      if (now() > deadline) throw new Error(`No such "${kind}" in the ledger within ${patienceMs} ms.`);
      await sleep(5);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
