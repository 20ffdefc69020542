/** The oldest trick against leases: an owner sleeps past its lease, and comes back. */
import type { FaultEvent } from "./app-config.js";
import type { App } from "./fleet.js";
import type { Rig } from "./rig.js";
import { type Answer, post } from "./sender.js";

export interface Overtaken {
  id: string;
  /** The run that was paused. */
  run: string;
  /** What its process answered in the end. */
  answer: Answer;
}

/**
 * Pauses `owner` once it has begun `events`, until another process has begun them too, or (`completed`) has completed them; then lets
 * it go on.
 */
export async function pauseOwner(
  { history, note }: Rig,
  owner: App,
  events: readonly FaultEvent[],
  until: "begun" | "completed",
): Promise<Overtaken[]> {
  const answering = events.map((event) => post(owner.url, event, 60_000, note));
  // Looked at later; a rejection before that must not end the harness.
  for (const answer of answering) answer.catch(() => {});
  const each = <T>(act: (id: string) => Promise<T>) => Promise.all(events.map(({ id }) => act(id)));
  const paused = await each((id) => history.until("start", ({ key, by }) => key === id && by === owner.name));
  owner.pause();
  try {
    await each((id) => history.until("start", ({ key, by }) => key === id && by !== owner.name));
    if (until === "completed") {
      await each((id) => history.until("heard", ({ key, name }) => key === id && name === "completed"));
    }
  } finally {
    owner.resume();
  }
  const answers = await Promise.all(answering);
  return answers.map((answer, i) => ({ id: events[i]?.id ?? "", run: paused[i]?.run ?? "", answer }));
}
