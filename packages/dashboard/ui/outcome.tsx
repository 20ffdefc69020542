import type { LetterDetail } from "../src/api.js";
import type { Following } from "./follow.js";
import { CheckIcon, ClockIcon, DeadIcon, OpenIcon, RunIcon } from "./icons.js";
import { Link } from "./link.js";
import { query } from "./query.js";

const SAID: Record<Following, { look: string; text: string; icon: typeof ClockIcon }> = {
  "put-back": { look: "waiting", text: "Put back: a worker runs it.", icon: ClockIcon },
  running: { look: "running", text: "A worker runs it now.", icon: RunIcon },
  completed: { look: "completed", text: "Completed: the letter has left the queue.", icon: CheckIcon },
  "failed-again": { look: "dead", text: "It failed again: the new round is below.", icon: DeadIcon },
  left: { look: "plain", text: "The letter has left the queue.", icon: OpenIcon },
};

/** Where a replay stands. The element is there from the start, so that changes are said aloud. */
export function Outcome({ following, letter }: { following: Following | undefined; letter: LetterDetail }) {
  const said = following && SAID[following];
  const over = following === "completed" || following === "left";
  return (
    <div role="status">
      {said && (
        <div class={`outcome ${said.look}`}>
          <said.icon />
          <strong>{said.text}</strong>
          {over && (
            <span class="see-also">
              <Link
                to={`/operations${query({ scope: letter.scope, tenant: letter.tenant, key: letter.key })}`}
              >
                Its operation
              </Link>
              <Link to="/letters">To the dead letters</Link>
            </span>
          )}
        </div>
      )}
    </div>
  );
}
