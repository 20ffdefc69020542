/** The queue of dead letters: find, choose, put back or discard. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ClosedFilter, LetterCount, LetterPage, Overview } from "../src/api.js";
import type { Bulk } from "./bulk.js";
import { BulkDialog } from "./bulk-dialog.js";
import { lettersPath, readFilter } from "./filter.js";
import { FilterForm } from "./filter-form.js";
import { BinIcon, ReplayIcon } from "./icons.js";
import { LetterTable } from "./letter-table.js";
import { Link } from "./link.js";
import { say } from "./notice.js";
import { Missing, Page } from "./page.js";
import { usePolled } from "./poll.js";
import { query } from "./query.js";
import { get, toProblem } from "./request.js";
import { usePlace } from "./router.js";
import { useMay, useSession, whyNot } from "./session.js";
import { useSteady } from "./steady.js";
import { count, plural } from "./words.js";

const LIMIT = 50;
const COUNT_EVERY_MS = 10_000;

export function LettersPage() {
  const { search } = usePlace();
  const session = useSession();
  const may = useMay();
  const { filter, cursor } = useMemo(() => readFilter(search), [search]);
  const path = `api/letters${query({ ...filter, limit: LIMIT, cursor })}`;
  const polled = usePolled<LetterPage>(path, session.pollMs);
  const counted = usePolled<LetterCount>(
    `api/letters/count${query(filter)}`,
    Math.max(session.pollMs, COUNT_EVERY_MS),
  );
  const overview = usePolled<Overview>("api/overview", 60_000);
  const scopes = useMemo(() => overview.data?.scopes.map((one) => one.scope) ?? [], [overview.data]);

  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<Bulk | undefined>(undefined);
  const list = useRef<HTMLDivElement>(null);
  const steady = useSteady(path, polled.data, list, selected.size > 0);
  useEffect(() => select(new Set()), [path]);

  const shown = steady.page?.letters;
  const chosen = shown?.filter((letter) => selected.has(letter.id)).map((letter) => letter.id) ?? [];
  const total = counted.data?.letters;

  async function all(action: Bulk["action"]): Promise<void> {
    // What arrives after somebody has read the number is not meant.
    try {
      const closed = await get<ClosedFilter>(`api/letters/closed${query(filter)}`);
      setBulk({ action, filter: closed.filter, total: closed.letters });
    } catch (error) {
      say(`The letters could not be counted: ${toProblem(error).message}`, false);
    }
  }

  const close = useCallback(() => {
    setBulk(undefined);
    select(new Set());
    steady.show();
    polled.refresh();
    counted.refresh();
  }, [steady.show, polled.refresh, counted.refresh]);

  return (
    <Page title="Dead letters">
      <FilterForm filter={filter} scopes={scopes} textSearch={session.textSearch} />
      <section aria-label="Letters" class="panel">
        <div class="list-head">
          <p role="status" class="list-count">
            {total === undefined ? (shown ? " " : "Counting…") : plural(total, "dead letter")}
            {Object.keys(filter).length > 0 && total !== undefined && (
              <span class="quiet"> match the filter</span>
            )}
          </p>
          {chosen.length > 0 ? (
            <div class="actions">
              <span class="quiet">{count(chosen.length)} selected</span>
              {may("replay") && (
                <button
                  type="button"
                  class="primary"
                  onClick={() => setBulk({ action: "replay", ids: chosen, total: chosen.length })}
                >
                  <ReplayIcon /> Replay selected
                </button>
              )}
              {may("discard") && (
                <button
                  type="button"
                  class="danger-quiet"
                  onClick={() => setBulk({ action: "discard", ids: chosen, total: chosen.length })}
                >
                  <BinIcon /> Discard selected
                </button>
              )}
            </div>
          ) : (
            total !== undefined &&
            total > 0 && (
              <div class="actions">
                {may("replay") && (
                  <button type="button" onClick={() => void all("replay")}>
                    <ReplayIcon /> Replay all {count(total)}
                    {Object.keys(filter).length > 0 && " matching"}
                  </button>
                )}
                {may("discard") && (
                  <button type="button" class="danger-quiet" onClick={() => void all("discard")}>
                    <BinIcon /> Discard all {count(total)}
                    {Object.keys(filter).length > 0 && " matching"}
                  </button>
                )}
                {!may("replay") && !may("discard") && (
                  <span class="quiet small">{whyNot(session, ["replay", "discard"])}</span>
                )}
              </div>
            )
          )}
        </div>
        <div role="status">
          {steady.changed && (
            <button type="button" class="news" onClick={steady.show}>
              The list has changed. Show the newest
            </button>
          )}
        </div>
        <div ref={list}>
          {shown === undefined ? (
            <Missing problem={polled.problem} />
          ) : shown.length === 0 ? (
            <NoLetters filtered={Object.keys(filter).length > 0} older={cursor !== undefined} />
          ) : (
            <LetterTable
              letters={shown}
              selected={selected}
              onSelect={may("replay") || may("discard") ? select : undefined}
            />
          )}
        </div>
        {(cursor !== undefined || steady.page?.nextCursor !== undefined) && (
          <nav class="pages" aria-label="Older and newer letters">
            {cursor !== undefined ? (
              <Link to={lettersPath(filter)}>Newest</Link>
            ) : (
              <span class="quiet">Newest</span>
            )}
            {steady.page?.nextCursor !== undefined ? (
              <Link to={lettersPath(filter, steady.page.nextCursor)}>Older</Link>
            ) : (
              <span class="quiet">Older</span>
            )}
          </nav>
        )}
      </section>
      {bulk && <BulkDialog bulk={bulk} onClose={close} />}
    </Page>
  );
}

function NoLetters({ filtered, older }: { filtered: boolean; older: boolean }) {
  return (
    <div class="empty">
      {older ? (
        <p>
          There are no older letters. <Link to="/letters">To the newest</Link>
        </p>
      ) : filtered ? (
        <>
          <p>
            <strong>No letter matches the filter.</strong>
          </p>
          <p>
            <Link to="/letters">Show all letters</Link>
          </p>
        </>
      ) : (
        <>
          <p>
            <strong>No dead letters.</strong>
          </p>
          <p>Nothing failed for good. An event arrives here when its attempts are exhausted.</p>
        </>
      )}
    </div>
  );
}
