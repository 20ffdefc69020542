/** Whether the page asks for news now, and how well that goes. */
import { useEffect } from "preact/hooks";
import type { Problem } from "./request.js";
import { shared, useShared } from "./shared.js";

/** By the person, with the button in the head. */
export const paused = shared(false);

/** Open dialogs and texts being edited: what is under somebody's hands stays as it is. */
const holds = shared(0);
const visible = shared(document.visibilityState !== "hidden");

document.addEventListener("visibilitychange", () => visible.set(document.visibilityState !== "hidden"));

export function useHold(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    holds.set(holds.get() + 1);
    return () => holds.set(holds.get() - 1);
  }, [active]);
}

export function isHeld(): boolean {
  return holds.get() > 0;
}

/** Whether polling goes on. */
export function useLive(): boolean {
  const stopped = useShared(paused);
  const held = useShared(holds) > 0;
  const seen = useShared(visible);
  return seen && !stopped && !held;
}

export interface Health {
  problem: Problem;
  /** When the data that is still shown came. */
  lastAt: number | undefined;
}

/** What is failing now, by path. */
export const failing = shared<ReadonlyMap<string, Health>>(new Map());
/** When anything was last read well, by this machine's clock. */
export const lastReadAt = shared(0);

export function noteHealth(path: string, health: Health | undefined): void {
  if (health === undefined && !failing.get().has(path)) return;
  const next = new Map(failing.get());
  if (health === undefined) next.delete(path);
  else next.set(path, health);
  failing.set(next);
}

/** Counts up when somebody asks for news by hand. */
export const refreshes = shared(0);

export function refreshAll(): void {
  refreshes.set(refreshes.get() + 1);
}
