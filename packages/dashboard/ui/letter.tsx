/** One dead letter: why it failed, what it carries, and what can be done. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { LetterDetail } from "../src/api.js";
import { Badge } from "./badge.js";
import { CopyButton } from "./copy.js";
import { Delivery, Payload } from "./event.js";
import { useFollow } from "./follow.js";
import { DownloadIcon } from "./icons.js";
import { LetterActions } from "./letter-actions.js";
import { ErrorName } from "./letter-table.js";
import { Link } from "./link.js";
import { say } from "./notice.js";
import { Outcome } from "./outcome.js";
import { Missing, Page } from "./page.js";
import { usePolled } from "./poll.js";
import { query } from "./query.js";
import { base } from "./request.js";
import { useSession } from "./session.js";
import { Long, Short } from "./text.js";
import { Ago, Due, Exactly } from "./time.js";
import { ErrorBlock, Timeline } from "./timeline.js";
import { count, plural } from "./words.js";

const FOLLOW_EVERY_MS = 1500;

export function LetterPage({ id }: { id: string }) {
  const { pollMs } = useSession();
  const [fast, setFast] = useState(false);
  const polled = usePolled<LetterDetail>(
    `api/letters/${encodeURIComponent(id)}`,
    fast ? Math.min(pollMs, FOLLOW_EVERY_MS) : pollMs,
  );
  const { following, open, last, start } = useFollow(polled);
  if (open !== fast) setFast(open);
  const [discarded, setDiscarded] = useState(false);
  const known = useRef<LetterDetail | undefined>(undefined);
  if (polled.data) known.current = polled.data;
  const gone = polled.problem?.status === 404;
  const letter = polled.data ?? last ?? known.current;
  useEffect(() => {
    // The buttons are gone, and one of them may have had the focus.
    if (gone && document.activeElement === document.body) document.querySelector("h1")?.focus();
  }, [gone]);

  if (letter === undefined) {
    return <Page title="Dead letter">{gone ? <Gone /> : <Missing problem={polled.problem} />}</Page>;
  }
  return (
    <Page
      title={letter.error.name || "Dead letter"}
      heading={<ErrorName error={letter.error} />}
      actions={
        !gone && (
          <LetterActions
            letter={letter}
            onReplayed={() => {
              start(letter);
              polled.refresh();
            }}
            onDiscarded={() => {
              setDiscarded(true);
              say("Discarded: the letter and its event are deleted.");
              polled.refresh();
            }}
          />
        )
      }
    >
      <Outcome following={following} letter={letter} />
      {gone && following === undefined && <Gone discarded={discarded} letter={letter} />}
      <Summary letter={letter} gone={gone} />
      <div class="columns">
        <div class="column">
          <section class="panel" aria-labelledby="body">
            <div class="panel-head">
              <h2 id="body">Body</h2>
              {!gone && (
                <div class="actions">
                  {letter.curl !== undefined && (
                    <CopyButton text={letter.curl} what="The curl command">
                      Copy as curl
                    </CopyButton>
                  )}
                  <a
                    class="button"
                    href={`${base}/api/letters/${encodeURIComponent(letter.id)}/event`}
                    download
                  >
                    <DownloadIcon /> Download
                  </a>
                </div>
              )}
            </div>
            {letter.original ? (
              <>
                <h3>As it was edited</h3>
                <Payload event={letter.event} label="The edited body" />
                <details class="original">
                  <summary>As the sender delivered it</summary>
                  <Payload event={letter.original} label="The original body" />
                </details>
              </>
            ) : (
              <Payload event={letter.event} label="The body" />
            )}
          </section>
          <section class="panel" aria-labelledby="request">
            <h2 id="request">Request</h2>
            <Delivery event={letter.event} />
          </section>
        </div>
        <section class="panel column" aria-labelledby="attempts">
          <h2 id="attempts">
            Attempts{" "}
            <span class="quiet">
              {count(letter.attempts)} in {plural(letter.rounds, "round")}
            </span>
          </h2>
          <Timeline attempts={letter.timeline} replays={letter.replayHistory} next={nextOf(letter)} />
        </section>
      </div>
    </Page>
  );
}

function Summary({ letter, gone }: { letter: LetterDetail; gone: boolean }) {
  return (
    <section class="panel" aria-label="Summary">
      <ErrorBlock error={letter.errorShown} named={false} />
      <dl class="facts">
        <div>
          <dt>state</dt>
          <dd>
            {gone ? (
              <span class="quiet">not in the queue</span>
            ) : (
              <>
                <Badge state={letter.state} />{" "}
                {letter.state === "waiting" && letter.dueAt !== undefined && <Due at={letter.dueAt} />}
              </>
            )}
            {letter.edited && <span class="badge plain">edited</span>}
          </dd>
        </div>
        <div>
          <dt>scope</dt>
          <dd>
            <Link to={`/letters${query({ scope: letter.scope })}`}>
              <Short value={letter.scope} limit={120} />
            </Link>
          </dd>
        </div>
        {letter.tenant !== undefined && (
          <div>
            <dt>tenant</dt>
            <dd>
              <Long value={letter.tenant} limit={120} />
            </dd>
          </div>
        )}
        <div>
          <dt>key</dt>
          <dd>
            <code>
              <Long value={letter.key} limit={160} />
            </code>
          </dd>
        </div>
        <div>
          <dt>first failed</dt>
          <dd>
            <Ago at={letter.firstFailedAt} />
            <span class="quiet small">
              {" "}
              <Exactly at={letter.firstFailedAt} />
            </span>
          </dd>
        </div>
        <div>
          <dt>last failed</dt>
          <dd>
            <Ago at={letter.diedAt} />
            <span class="quiet small">
              {" "}
              <Exactly at={letter.diedAt} />
            </span>
          </dd>
        </div>
        <div>
          <dt>see also</dt>
          <dd class="see-also">
            <Link to={`/operations${query({ scope: letter.scope, tenant: letter.tenant, key: letter.key })}`}>
              its operation
            </Link>
            <Link to={`/letters${query({ error: letter.error.code ?? letter.error.name })}`}>
              letters with this error
            </Link>
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Gone({ discarded = false, letter }: { discarded?: boolean; letter?: LetterDetail }) {
  return (
    <div class="empty">
      <p>
        <strong>{discarded ? "This letter was discarded." : "This letter is not in the queue."}</strong>
      </p>
      {!discarded && <p>Its operation has completed, or somebody discarded it.</p>}
      <p class="see-also">
        {letter && !discarded && (
          <Link to={`/operations${query({ scope: letter.scope, tenant: letter.tenant, key: letter.key })}`}>
            Look its operation up
          </Link>
        )}
        <Link to="/letters">To the dead letters</Link>
      </p>
    </div>
  );
}

function nextOf({ state }: LetterDetail): string | undefined {
  if (state === "waiting") return "Put back: a worker runs it when it is due.";
  if (state === "running") return "A worker runs it now.";
  return undefined;
}
