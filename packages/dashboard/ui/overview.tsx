import type { Overview } from "../src/api.js";
import { Chart } from "./chart.js";
import { CheckIcon, ClockIcon, DeadIcon, ReplayIcon, RunIcon, WarnIcon } from "./icons.js";
import { Link } from "./link.js";
import { Missing, Page } from "./page.js";
import { usePolled } from "./poll.js";
import { Scopes } from "./scopes.js";
import { useSession } from "./session.js";
import { Long } from "./text.js";
import { Ago, Due } from "./time.js";
import { count } from "./words.js";

const HOUR_MS = 3_600_000;

export function OverviewPage() {
  const { pollMs } = useSession();
  const { data, problem } = usePolled<Overview>("api/overview", pollMs);
  return <Page title="Overview">{data ? <Shown overview={data} /> : <Missing problem={problem} />}</Page>;
}

function Shown({ overview }: { overview: Overview }) {
  const { scopes, letters, arrivals, activity, store } = overview;
  const session = useSession();
  const none = letters === 0 && arrivals.every((step) => step.letters === 0);
  return (
    <>
      {store.warnings.length > 0 && (
        <ul class="warnings">
          {store.warnings.map((warning) => (
            <li key={warning}>
              <WarnIcon />
              <span>
                <Long value={warning} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {scopes.length > 0 && <Tiles overview={overview} />}
      <section aria-labelledby="scopes" class="panel">
        <h2 id="scopes">Scopes</h2>
        {scopes.length > 0 ? <Scopes scopes={scopes} activity={session.activity} /> : <NoScopes />}
      </section>
      <section aria-labelledby="last-day" class="panel">
        <h2 id="last-day">Last 24 hours</h2>
        {none && (
          <p class="empty-line">
            <strong>No dead letters.</strong> Nothing failed for good. An event arrives here when its attempts
            are exhausted.
          </p>
        )}
        <div class="charts">
          {!none && (
            <Chart
              title="Dead letters by hour of arrival"
              starts={arrivals.map((step) => step.at)}
              stepMs={HOUR_MS}
              none="None arrived in the last 24 h."
              series={[
                { name: "Dead letters", look: "bar-dead", values: arrivals.map((step) => step.letters) },
              ]}
            />
          )}
          {activity && (
            <Chart
              title="What this process did, by hour"
              starts={activity.steps.map((step) => step.at)}
              stepMs={activity.stepMs}
              none="Nothing yet."
              series={[
                {
                  name: "Completed",
                  look: "bar-completed",
                  values: activity.steps.map((step) => step.completed),
                },
                {
                  name: "Replayed",
                  look: "bar-replayed",
                  values: activity.steps.map((step) => step.replayed),
                },
                { name: "Dead", look: "bar-dead", values: activity.steps.map((step) => step.dead) },
              ]}
            />
          )}
        </div>
        {activity && (
          <p class="quiet small">
            The second chart and the replayed responses are counted by this process since it started,{" "}
            <Ago at={activity.since} />. The first chart and all other numbers come from the store: they are
            of all processes. Letters that were replayed or discarded have left the queue and its chart.
          </p>
        )}
      </section>
      <section aria-labelledby="store" class="panel">
        <h2 id="store">Store</h2>
        <dl class="facts">
          <div>
            <dt>kind</dt>
            <dd>{store.kind}</dd>
          </div>
          {Object.entries(store.facts).map(([name, value]) => (
            <div key={name}>
              <dt>
                <Long value={name} />
              </dt>
              <dd>
                <Long value={value} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}

function Tiles({ overview: { scopes, letters } }: { overview: Overview }) {
  const { activity } = useSession();
  const sum = (of: (scope: Overview["scopes"][number]) => number) =>
    scopes.reduce((all, scope) => all + of(scope), 0);
  const oldest = scopes.reduce<number | undefined>(
    (first, { oldestWaitingAt: at }) =>
      at === undefined || (first !== undefined && first <= at) ? first : at,
    undefined,
  );
  return (
    <dl class="tiles">
      <div class={letters > 0 ? "tile dead" : "tile"}>
        <dt>
          <DeadIcon /> Dead letters
        </dt>
        <dd>
          <Link to="/letters">{count(letters)}</Link>
        </dd>
        <dd class="small quiet">{letters > 0 ? "wait for somebody to act" : "nothing failed for good"}</dd>
      </div>
      <div class="tile waiting">
        <dt>
          <ClockIcon /> Waiting
        </dt>
        <dd>{count(sum((scope) => scope.waiting))}</dd>
        <dd class="small quiet">
          {oldest === undefined ? (
            "for the next attempt"
          ) : (
            <>
              oldest: <Due at={oldest} />
            </>
          )}
        </dd>
      </div>
      <div class="tile running">
        <dt>
          <RunIcon /> Running
        </dt>
        <dd>{count(sum((scope) => scope.running))}</dd>
        <dd class="small quiet">at this moment</dd>
      </div>
      <div class="tile completed">
        <dt>
          <CheckIcon /> Completed
        </dt>
        <dd>{count(sum((scope) => scope.completed))}</dd>
        <dd class="small quiet">results kept</dd>
      </div>
      {activity && (
        <div class="tile">
          <dt>
            <ReplayIcon /> Replayed responses
          </dt>
          <dd>{count(sum((scope) => scope.since?.replayed ?? 0))}</dd>
          <dd class="small quiet">duplicates, not run again</dd>
        </div>
      )}
    </dl>
  );
}

function NoScopes() {
  return (
    <div class="empty">
      <p>
        <strong>No scopes yet.</strong>
      </p>
      <p>
        Send a webhook to a route that is wrapped by <code>withIdempotency</code>: its scope appears here with
        its first delivery.
      </p>
      <pre class="sample">
        <code>{`curl -X POST https://your-app/webhooks/orders \\
  -H "content-type: application/json" -H "idempotency-key: try-1" \\
  -d '{"hello":"world"}'`}</code>
      </pre>
      <p class="quiet">Still empty? See that the dashboard was given the same store as the handler.</p>
    </div>
  );
}
