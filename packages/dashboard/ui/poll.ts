/** Reads a resource, and again every so often while somebody looks at it. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { now } from "./clock.js";
import { isHeld, lastReadAt, noteHealth, refreshes, useLive } from "./live.js";
import { get, type Problem, toProblem } from "./request.js";
import { useShared } from "./shared.js";

export interface Polled<T> {
  /** The last that came, of this path. */
  data: T | undefined;
  at: number | undefined;
  /** Why there is nothing newer. */
  problem: Problem | undefined;
  refresh(): void;
}

interface Kept<T> {
  path: string;
  data?: T;
  at?: number;
  problem?: Problem;
}

const MAX_WAIT_MS = 30_000;

/** What is wrong with this request, and not with the server: the page that asked says it. */
function isAnswer(problem: Problem): boolean {
  return problem.status === 400 || problem.status === 404 || problem.status === 410 || problem.status === 422;
}

export function usePolled<T>(path: string | undefined, everyMs: number): Polled<T> {
  const [kept, keep] = useState<Kept<T>>({ path: "" });
  const [asked, ask] = useState(0);
  const forced = useShared(refreshes);
  const live = useLive();
  const failures = useRef(0);
  const readAt = useRef({ path: "", at: 0, asked: 0, forced: 0 });
  const current = kept.path === path ? kept : undefined;

  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const last = readAt.current;
    const fresh = last.path === path && last.asked === asked && last.forced === forced;
    const wait = () => Math.min(everyMs * 2 ** Math.min(failures.current, 4), Math.max(everyMs, MAX_WAIT_MS));

    async function read(): Promise<void> {
      if (path === undefined) return;
      let next: (before: Kept<T>) => Kept<T>;
      try {
        const data = await get<T>(path, stop.signal);
        failures.current = 0;
        next = () => ({ path, data, at: now() });
      } catch (error) {
        if (stop.signal.aborted) return;
        failures.current++;
        const problem = toProblem(error);
        next = (before) => ({ ...(before.path === path ? before : { path }), problem });
      }
      if (stop.signal.aborted) return;
      readAt.current = { path, at: Date.now(), asked, forced };
      keep((before) => {
        // A dialog was opened while this was under way: what it is about stays as it was.
        if (isHeld() && before.path === path && before.data !== undefined) return before;
        const after = next(before);
        const { problem, at } = after;
        if (problem === undefined) lastReadAt.set(Date.now());
        noteHealth(path, problem && !isAnswer(problem) ? { problem, lastAt: at } : undefined);
        return after;
      });
      if (live) timer = setTimeout(() => void read(), wait());
    }

    if (!fresh) void read();
    else if (live) timer = setTimeout(() => void read(), Math.max(0, last.at + wait() - Date.now()));
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, asked, forced, live]);

  useEffect(() => {
    if (path === undefined) return;
    return () => noteHealth(path, undefined);
  }, [path]);

  const refresh = useCallback(() => ask((count) => count + 1), []);
  return { data: current?.data, at: current?.at, problem: current?.problem, refresh };
}
