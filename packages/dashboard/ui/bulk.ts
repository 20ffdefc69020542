/** Replays or discards many letters, a step at a time. It can stop anywhere and go on: the same batch never puts a letter back twice. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { BulkProgress, BulkRequest, Filter } from "../src/api.js";
import { type Problem, post, toProblem } from "./request.js";

export interface Bulk {
  action: "replay" | "discard";
  /** The letters, or which ones. */
  ids?: string[];
  filter?: Filter;
  /** How many there were when it was asked for. */
  total: number;
}

export interface BulkState {
  phase: "asking" | "running" | "stopped" | "failed" | "done";
  done: number;
  already: number;
  /** How many were left alone, by the reason; and the first of them. */
  left: Map<string, string[]>;
  problem?: Problem;
}

const START: BulkState = { phase: "asking", done: 0, already: 0, left: new Map() };

export function useBulk(bulk: Bulk) {
  const [state, setState] = useState<BulkState>(START);
  const request = useRef<BulkRequest>({ batchId: batchId() });
  const stop = useRef(false);
  const running = state.phase === "running";

  useEffect(() => {
    if (!running) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [running]);

  const halt = useCallback(() => {
    stop.current = true;
  }, []);
  useEffect(() => halt, []);

  const run = useCallback(
    async (options: { perSecond?: number; note?: string }) => {
      stop.current = false;
      const { action, ids, filter } = bulk;
      const what = ids ? { ids } : { filter: filter ?? {} };
      setState((before) => ({ ...withoutProblem(before), phase: "running" }));
      request.current = { ...request.current, ...what, ...options };
      for (;;) {
        let step: BulkProgress;
        try {
          step = await post<BulkProgress>(`api/${action}`, request.current);
        } catch (error) {
          setState((before) => ({ ...before, phase: "failed", problem: toProblem(error) }));
          return;
        }
        const { next } = step;
        const over = next === undefined;
        if (!over) request.current = { ...request.current, next };
        setState((before) => added(before, step, over ? "done" : stop.current ? "stopped" : "running"));
        if (over || stop.current) return;
      }
    },
    [bulk],
  );

  return { state, run, stop: halt };
}

function added(before: BulkState, step: BulkProgress, phase: BulkState["phase"]): BulkState {
  const left = new Map(before.left);
  for (const { id, status } of step.left) left.set(status, [...(left.get(status) ?? []), id]);
  return { phase, done: before.done + step.done, already: before.already + step.already, left };
}

function withoutProblem({ problem: _, ...state }: BulkState): BulkState {
  return state;
}

export function leftCount(state: BulkState): number {
  let all = 0;
  for (const ids of state.left.values()) all += ids.length;
  return all;
}

const REASONS: Record<string, string> = {
  running: "a worker is running it already",
  completed: "its operation has completed meanwhile, so the letter leaves the queue",
  superseded: "it changed meanwhile: somebody replayed it, or it was delivered again",
  not_found: "it is not in the queue any more",
  failed: "the store or the queue failed on it; try again",
};

export function reason(status: string): string {
  return REASONS[status] ?? status;
}

/** `crypto.randomUUID` is missing where the page does not come by HTTPS. */
function batchId(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
