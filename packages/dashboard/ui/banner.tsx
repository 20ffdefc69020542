/** Says that the page cannot read, why, and how old is what it still shows. */
import { useNow } from "./clock.js";
import { LockIcon, WarnIcon } from "./icons.js";
import { failing, type Health, refreshAll } from "./live.js";
import type { Problem } from "./request.js";
import { useShared } from "./shared.js";
import { Text } from "./text.js";
import { absolute, ago } from "./words.js";

export function Banner() {
  const health = [...useShared(failing).values()][0];
  return <div role="alert">{health && <Failing health={health} />}</div>;
}

function Failing({ health: { problem, lastAt } }: { health: Health }) {
  const now = useNow();
  const barred = problem.status === 401 || problem.status === 403;
  return (
    <div class="banner">
      {barred ? <LockIcon /> : <WarnIcon />}
      <div>
        <p>
          <strong>{headline(problem)}</strong>
        </p>
        <p>
          <Text value={problem.message} />
        </p>
        <p>
          {lastAt === undefined ? (
            "Nothing could be read yet."
          ) : (
            <>
              What is shown is as of <time title={absolute(lastAt)}>{ago(lastAt, now)}</time>.
            </>
          )}{" "}
          {barred ? "" : "The page keeps trying."}
        </p>
      </div>
      <button type="button" onClick={refreshAll}>
        Try now
      </button>
    </div>
  );
}

export function headline(problem: Problem): string {
  if (problem.status === 401) return "You are not signed in, or no longer.";
  if (problem.status === 403) return "You may not look at this dashboard.";
  if (problem.code === "not_json")
    return "This is not the dashboard's answer: perhaps you have to sign in again.";
  if (problem.status === 0) return "The server does not answer.";
  if (problem.status === 503) return "The store does not answer.";
  if (problem.status === 429) return "The server asks for fewer requests.";
  return "The server failed to answer.";
}
