import type { ScopeCounts } from "../src/api.js";
import { ArrowIcon, DeadIcon } from "./icons.js";
import { Link } from "./link.js";
import { query } from "./query.js";
import { Short } from "./text.js";
import { Due } from "./time.js";
import { count, plural } from "./words.js";

/** What each scope is at: a table, cards on a phone. */
export function Scopes({ scopes, activity }: { scopes: ScopeCounts[]; activity: boolean }) {
  return (
    <table class="cards scopes">
      <thead>
        <tr>
          <th scope="col">Scope</th>
          <th scope="col" class="number">
            Dead letters
          </th>
          <th scope="col" class="number">
            Waiting
          </th>
          <th scope="col" class="number">
            Running
          </th>
          <th scope="col" class="number">
            Completed
          </th>
          {activity && (
            <th
              scope="col"
              class="number"
              title="Duplicates answered with the stored response, since this process started"
            >
              Replayed responses
            </th>
          )}
          <th scope="col">Oldest waiting</th>
        </tr>
      </thead>
      <tbody>
        {scopes.map((one) => (
          <tr key={one.scope}>
            <th scope="row">
              <Short value={one.scope} />
            </th>
            <td class="number" data-label="Dead letters">
              {one.letters > 0 ? (
                <Link
                  to={`/letters${query({ scope: one.scope })}`}
                  class="count-link"
                  label={`${plural(one.letters, "dead letter")} of ${one.scope}`}
                >
                  <DeadIcon />
                  {count(one.letters)}
                  <ArrowIcon />
                </Link>
              ) : (
                <Count value={0} />
              )}
              {one.unsettled > 0 && (
                <span class="quiet small" title="Letters on their way into the queue, or out of it">
                  {" "}
                  +{count(one.unsettled)} on the way
                </span>
              )}
            </td>
            <td class="number" data-label="Waiting">
              <Count value={one.waiting} />
            </td>
            <td class="number" data-label="Running">
              <Count value={one.running} />
            </td>
            <td class="number" data-label="Completed">
              <Count value={one.completed} />
            </td>
            {activity && (
              <td class="number" data-label="Replayed responses">
                <Count value={one.since?.replayed ?? 0} />
              </td>
            )}
            <td data-label="Oldest waiting">
              {one.oldestWaitingAt === undefined ? (
                <span class="quiet">none</span>
              ) : (
                <Due at={one.oldestWaitingAt} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Count({ value }: { value: number }) {
  return <span class={value === 0 ? "quiet" : undefined}>{count(value)}</span>;
}
