import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { OperationDetail } from "../src/api.js";
import { ActDialog } from "./act-dialog.js";
import { Badge } from "./badge.js";
import { useNow } from "./clock.js";
import { Delivery, Payload } from "./event.js";
import { Link } from "./link.js";
import { say } from "./notice.js";
import { useMay, useSession, whyNot } from "./session.js";
import { Long, Short } from "./text.js";
import { Ago, Due, Exactly } from "./time.js";
import { ErrorBlock, Timeline } from "./timeline.js";
import { bytes, count, roughly } from "./words.js";

export function OperationShown({ operation, refresh }: { operation: OperationDetail; refresh(): void }) {
  const { scope, tenant, key, token, attempt, round, owner, error, event, letterId } = operation;
  const fact = (name: string, value: ComponentChildren) => (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
  return (
    <>
      <section class="panel" aria-labelledby="now">
        <div class="panel-head">
          <h2 id="now" class="state-line">
            <Badge state={operation.state} /> <Now operation={operation} />
          </h2>
          <Release operation={operation} refresh={refresh} />
        </div>
        {error && <ErrorBlock error={error} />}
        <dl class="facts">
          {fact("scope", <Short value={scope} limit={200} />)}
          {tenant !== undefined && fact("tenant", <Long value={tenant} limit={200} />)}
          {fact(
            "key",
            <code>
              <Long value={key} limit={200} />
            </code>,
          )}
          {fact("attempt", `${count(attempt)} of round ${count(round)}`)}
          {fact(
            "token",
            <span title="Grows with each claim: writes of an older one are refused">{token}</span>,
          )}
          {fact(
            "owner",
            owner === "" ? (
              <span class="quiet">nobody</span>
            ) : (
              <code>
                <Long value={owner} limit={80} />
              </code>
            ),
          )}
          {fact(
            "first delivered",
            <>
              <Ago at={operation.bornAt} />{" "}
              <span class="quiet small">
                <Exactly at={operation.bornAt} />
              </span>
            </>,
          )}
          {fact(
            "last changed",
            <>
              <Ago at={operation.changedAt} />{" "}
              <span class="quiet small">
                <Exactly at={operation.changedAt} />
              </span>
            </>,
          )}
          {operation.expiresAt !== undefined &&
            fact(
              "kept until",
              <>
                <Exactly at={operation.expiresAt} />{" "}
                <span class="quiet small">
                  (<Ago at={operation.expiresAt} />)
                </span>
              </>,
            )}
          {fact("event", operation.stored ? "kept: it can be run again" : "not kept")}
          {operation.resultBytes !== undefined &&
            fact(
              "result",
              operation.resultBytes === null
                ? "completed, but too large to be kept"
                : `${bytes(operation.resultBytes)}, which duplicates get`,
            )}
          {letterId !== undefined &&
            fact("dead letter", <Link to={`/letters/${encodeURIComponent(letterId)}`}>in the queue</Link>)}
        </dl>
      </section>
      <div class="columns">
        <section class="panel column" aria-labelledby="attempts">
          <h2 id="attempts">Attempts</h2>
          <Timeline
            attempts={operation.timeline}
            replays={operation.replayHistory}
            next={nextOf(operation)}
          />
        </section>
        {event && (
          <div class="column">
            <section class="panel" aria-labelledby="body">
              <h2 id="body">Body</h2>
              <Payload event={event} label="The body" />
            </section>
            <section class="panel" aria-labelledby="request">
              <h2 id="request">Request</h2>
              <Delivery event={event} />
            </section>
          </div>
        )}
      </div>
    </>
  );
}

function nextOf({ state, attempt, round }: OperationDetail): string | undefined {
  if (state === "running") return `Attempt ${count(attempt)} of round ${count(round)} runs now.`;
  if (state === "waiting") return `Attempt ${count(attempt + 1)} of round ${count(round)} comes next.`;
  return undefined;
}

/** The state in words. */
function Now({ operation: { state, leaseUntil, dueAt, resultBytes } }: { operation: OperationDetail }) {
  const now = useNow(1000);
  if (state === "running" && leaseUntil !== undefined) {
    const left = leaseUntil - now;
    return (
      <span>
        {left > 0
          ? `the lease runs out in ${roughly(left)}, unless its owner extends it`
          : `the lease ran out ${roughly(left)} ago: the next delivery or worker takes it over`}
      </span>
    );
  }
  if (state === "waiting" && dueAt !== undefined)
    return (
      <span>
        the next attempt is <Due at={dueAt} />
      </span>
    );
  const words: Record<OperationDetail["state"], string> = {
    running: "a worker is at it",
    waiting: "for its next attempt",
    completed: resultBytes === null ? "the result was not kept" : "duplicates get the stored result",
    dead: "its attempts are exhausted",
    released: "the key is free: the next delivery runs",
  };
  return <span>{words[state]}</span>;
}

function Release({ operation, refresh }: { operation: OperationDetail; refresh(): void }) {
  const [open, setOpen] = useState(false);
  const session = useSession();
  const may = useMay();
  const { scope, tenant, key, token, state, stored } = operation;
  if (state !== "running") return null;
  if (!may("replay")) return <span class="quiet small">{whyNot(session, ["replay"])}</span>;
  const title = stored ? "Take over and run again" : "Release the key";
  return (
    <div class="actions">
      <button type="button" onClick={() => setOpen(true)}>
        {title}
      </button>
      {open && (
        <ActDialog
          title={title}
          danger
          verb={title}
          path="api/operation/release"
          body={{ scope, ...(tenant === undefined ? {} : { tenant }), key, expectedToken: token }}
          good={["scheduled", "released"]}
          onClose={() => setOpen(false)}
          onDone={(done) => {
            setOpen(false);
            say(
              done.status === "scheduled"
                ? "Taken over: a worker runs it again."
                : "Released: the key is free again.",
            );
            refresh();
          }}
        >
          <p>
            For an operation whose owner hangs, or is known to be gone. You need not wait for a crashed one:
            its lease runs out, and then it is taken over by itself.
          </p>
          <p>
            {stored
              ? "A worker runs the kept event again, in a new round. What the owner of now still writes is refused."
              : "No event is kept, so that nothing can be run again from here: the next delivery of this key runs as a first one. What the owner of now still writes is refused."}
          </p>
          <p class="caution">
            <strong>If the owner is still at work, the handler may run twice at the same time.</strong>
          </p>
          <p class="quiet small">Refused if anybody else claims it first: this is about token {token}.</p>
        </ActDialog>
      )}
    </div>
  );
}
