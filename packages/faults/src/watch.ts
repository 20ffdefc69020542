/** Wraps store and sink of an app: writes to the ledger what the app asked and was answered, and dies at a named point. */
import type { DeadLetterQueue, IdempotencyStore, OperationId } from "@hooklatch/core";
import { type Note, now, type Verb } from "./ledger.js";

/** Called wherever the process may have to die; does not return if it must. */
export type CrashPoint = (point: string) => void;

/** Every point that `watchStore`, `watchLetters` and the handler pass. */
export const CRASH_POINTS = [
  "claimDue:after",
  ...["claim", "extend", "retry", "complete", "fail", "push", "settle", "remove"].flatMap((verb) => [
    `${verb}:before`,
    `${verb}:after`,
  ]),
  "handler:start",
  "handler:effect",
] as const;

/** `crashAt`: a point, or `point:n` for its n-th time in this process. */
export function createCrashPoint(crashAt: string | undefined, note: Note): CrashPoint {
  const [verb, when, hit = "1"] = crashAt?.split(":") ?? [];
  let left = Number(hit);
  return (point) => {
    if (point !== `${verb}:${when}` || --left > 0) return;
    note({ kind: "crash", point });
    process.kill(process.pid, "SIGKILL");
  };
}

export function watchStore(store: IdempotencyStore, note: Note, crash: CrashPoint): IdempotencyStore {
  async function between<T>(verb: string, ask: () => Promise<T>): Promise<T> {
    crash(`${verb}:before`);
    const answer = await ask();
    crash(`${verb}:after`);
    return answer;
  }

  async function write(
    verb: Verb,
    { id: { key }, token }: { id: OperationId; token: number },
    ask: () => Promise<boolean>,
  ): Promise<boolean> {
    const sentAt = now();
    if (verb !== "extend") note({ kind: "sent", verb, key, token });
    const confirmed = await between(verb, ask);
    note({ kind: "wrote", verb, key, token, confirmed, sentAt });
    return confirmed;
  }

  const watched: Partial<IdempotencyStore> = {
    async claim(request) {
      const sentAt = now();
      const claim = await between("claim", () => store.claim(request));
      if (claim.status === "claimed") {
        const { token, attempt, recovered } = claim;
        note({ kind: "claimed", key: request.id.key, token, attempt, recovered, sentAt });
      }
      return claim;
    },
    async claimDue(request) {
      const sentAt = now();
      const works = await store.claimDue(request);
      // A crash with nothing in hand would prove nothing.
      if (works.length > 0) crash("claimDue:after");
      for (const work of works) {
        if (work.kind !== "run") continue;
        const { id, token, attempt, recovered } = work;
        note({ kind: "claimed", key: id.key, token, attempt, recovered, sentAt });
      }
      return works;
    },
    extend: (request) => write("extend", request, () => store.extend(request)),
    complete: (request) => write("complete", request, () => store.complete(request)),
    retry: (request) => write("retry", request, () => store.retry(request)),
    fail: (request) => write("fail", request, () => store.fail(request)),
    settle: (request) => between("settle", () => store.settle(request)),
  };
  return overlay(store, watched);
}

export function watchLetters(letters: DeadLetterQueue, crash: CrashPoint): DeadLetterQueue {
  async function between<T>(verb: string, ask: () => Promise<T>): Promise<T> {
    crash(`${verb}:before`);
    const answer = await ask();
    crash(`${verb}:after`);
    return answer;
  }
  return overlay(letters, {
    push: (letter) => between("push", () => letters.push(letter)),
    remove: (id, upTo) => between("remove", () => letters.remove(id, upTo)),
  });
}

/** `base` with some of its methods replaced. */
export function overlay<T extends object>(base: T, methods: Partial<T>): T {
  return new Proxy(base, {
    get(target, name) {
      const replaced = Reflect.get(methods, name);
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
