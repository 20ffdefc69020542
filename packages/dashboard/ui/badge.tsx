import type { ComponentChildren } from "preact";
import { CheckIcon, ClockIcon, DeadIcon, OpenIcon, RunIcon } from "./icons.js";

export type State = "dead" | "waiting" | "running" | "completed" | "released" | "gone" | "unknown";

const LOOKS: Record<State, { word: string; icon: () => ComponentChildren; title: string }> = {
  dead: {
    word: "dead",
    icon: DeadIcon,
    title: "Its attempts are exhausted: nothing happens until somebody acts.",
  },
  waiting: { word: "waiting", icon: ClockIcon, title: "A worker runs it when it is due." },
  running: { word: "running", icon: RunIcon, title: "A worker is at it now." },
  completed: { word: "completed", icon: CheckIcon, title: "It is done." },
  released: { word: "released", icon: OpenIcon, title: "The key is free: the next delivery runs." },
  gone: {
    word: "no record",
    icon: OpenIcon,
    title: "The store has no record of its operation. The letter can still be replayed.",
  },
  unknown: { word: "unknown", icon: OpenIcon, title: "The state of its operation could not be read." },
};

/** A state by colour, icon and word. */
export function Badge({ state, children }: { state: State; children?: ComponentChildren }) {
  const look = LOOKS[state] ?? LOOKS.unknown;
  return (
    <span class={`badge ${state}`} title={look.title}>
      <look.icon />
      <span>
        {look.word}
        {children}
      </span>
    </span>
  );
}
