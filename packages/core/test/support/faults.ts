/** A store whose requests and replies get lost, as a network and a paused process lose them. */
import type { IdempotencyStore } from "@hooklatch/core";

/**
 * `lost-request`: never arrives, the caller gets an error. `lost-reply`: is carried out, the caller gets an error. `hang`: never arrives,
 * the caller gets nothing. `hang-after`: is carried out, the caller gets nothing.
 */
export type Fault = "lost-request" | "lost-reply" | "hang" | "hang-after";
type Verb = Exclude<keyof IdempotencyStore, "survives">;

export interface FaultyStore extends IdempotencyStore {
  /** Calls that were made, in their order. */
  readonly calls: { verb: Verb; request: unknown }[];
}

/** `decide` is asked for each call, with how often this verb was called before. */
export function faultyStore(
  inner: IdempotencyStore,
  decide: (verb: Verb, nth: number, request: unknown) => Fault | undefined,
): FaultyStore {
  const calls: FaultyStore["calls"] = [];
  const counts = new Map<Verb, number>();
  return new Proxy(inner, {
    get(target, name) {
      if (name === "calls") return calls;
      const value = target[name as Verb];
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const verb = name as Verb;
        const nth = counts.get(verb) ?? 0;
        counts.set(verb, nth + 1);
        calls.push({ verb, request: args[0] });
        const fault = decide(verb, nth, args[0]);
        if (fault === "hang") return new Promise(() => {});
        if (fault === "lost-request") throw new Error(`${verb}: the request was lost`);
        const answer = await (value as (...a: unknown[]) => Promise<unknown>).apply(target, args);
        if (fault === "hang-after") return new Promise(() => {});
        if (fault === "lost-reply") throw new Error(`${verb}: the reply was lost`);
        return answer;
      };
    },
  }) as FaultyStore;
}

export const noFaults = (): undefined => undefined;
