import { useEffect, useRef, useState } from "preact/hooks";
import { type Bulk, type BulkState, leftCount, reason, useBulk } from "./bulk.js";
import { Dialog } from "./dialog.js";
import { conditions } from "./filter.js";
import { BinIcon, ReplayIcon, WarnIcon } from "./icons.js";
import { NoteField } from "./note-field.js";
import { Short, Text } from "./text.js";
import { count, duration, plural } from "./words.js";

interface Props {
  bulk: Bulk;
  onClose(): void;
}

export function BulkDialog({ bulk, onClose }: Props) {
  const { state, run, stop } = useBulk(bulk);
  const [note, setNote] = useState("");
  const [perSecond, setPerSecond] = useState("10");
  const [typed, setTyped] = useState("");
  const { action, total } = bulk;
  const replay = action === "replay";
  const rate = Number(perSecond);
  const rateRight = Number.isInteger(rate) && rate >= 1 && rate <= 1000;
  const ready = replay ? rateRight : typed.replace(/\D/g, "") === String(total) || total === 0;
  const begin = () =>
    void run({
      ...(replay ? { perSecond: rate } : {}),
      ...(note.trim() === "" ? {} : { note: note.trim() }),
    });
  const asking = state.phase === "asking";
  const end = useRef<HTMLDivElement>(null);
  // Each phase has its own buttons: the one that had the focus is gone.
  useEffect(() => {
    if (document.activeElement === document.body) end.current?.querySelector("button")?.focus();
  }, [state.phase]);

  return (
    <Dialog
      title={`${replay ? "Replay" : "Discard"} ${plural(total, "dead letter")}`}
      onClose={() => (state.phase === "running" ? stop() : onClose())}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && state.phase !== "running" && state.phase !== "done") begin();
        }}
      >
        {asking ? (
          <div class="dialog-body">
            <What bulk={bulk} />
            {replay ? (
              <>
                <p>Each gets a new round: its attempts begin again at 1, with the whole retry policy.</p>
                <label class="field">
                  <span>Due in each second</span>
                  <input
                    type="number"
                    min={1}
                    max={1000}
                    step={1}
                    required
                    value={perSecond}
                    data-focus
                    onInput={(event) => setPerSecond(event.currentTarget.value)}
                  />
                  <small>
                    {rateRight
                      ? `Spread over ${duration(Math.max(1, Math.ceil(total / rate)) * 1000)}, so that what they call is not flooded.`
                      : "A whole number from 1 to 1000."}
                  </small>
                </label>
              </>
            ) : (
              <p class="caution">
                <WarnIcon />
                <span>Their events are deleted for good, with their operations. This cannot be undone.</span>
              </p>
            )}
            <NoteField value={note} onInput={setNote} />
            {!replay && (
              <label class="field">
                <span>
                  Type <strong>{total}</strong> to confirm
                </span>
                <input
                  type="text"
                  inputMode="numeric"
                  autocomplete="off"
                  value={typed}
                  data-focus
                  onInput={(event) => setTyped(event.currentTarget.value)}
                />
              </label>
            )}
          </div>
        ) : (
          <Progress bulk={bulk} state={state} />
        )}
        <div class="dialog-end" ref={end}>
          {asking && (
            <button type="button" onClick={onClose}>
              Cancel
            </button>
          )}
          {asking && (
            <button type="submit" class={replay ? "primary" : "danger"} disabled={!ready || total === 0}>
              {replay ? <ReplayIcon /> : <BinIcon />}
              {replay ? "Replay" : "Discard"} {count(total)}
            </button>
          )}
          {state.phase === "running" && (
            <button type="button" onClick={stop}>
              Stop
            </button>
          )}
          {(state.phase === "stopped" || state.phase === "failed") && (
            <button type="submit" class="primary">
              {state.phase === "failed" ? "Try again" : "Go on"}
            </button>
          )}
          {!asking && state.phase !== "running" && (
            <button type="button" class={state.phase === "done" ? "primary" : undefined} onClick={onClose}>
              Close
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function What({ bulk: { ids, filter, total } }: { bulk: Bulk }) {
  if (ids)
    return (
      <p>{total === 1 ? "The letter that is selected." : `The ${count(total)} letters that are selected.`}</p>
    );
  const all = conditions(filter ?? {}).filter(({ name }) => name !== "arrivedBefore");
  return (
    <>
      <p>
        {all.length === 0 ? (
          <>
            <strong>All letters in the queue</strong>, of every scope: {count(total)} now. Ones that arrive
            from here on are left out.
          </>
        ) : (
          <>
            All letters that match the filter: <strong>{count(total)}</strong> now. Ones that arrive from here
            on are left out.
          </>
        )}
      </p>
      {all.length > 0 && (
        <ul class="conditions">
          {all.map(({ name, words }) => (
            <li key={name} class="chip">
              <bdi>{words}</bdi>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Progress({ bulk: { action, total }, state }: { bulk: Bulk; state: BulkState }) {
  const left = leftCount(state);
  const handled = Math.min(total, state.done + state.already + left);
  const did = action === "replay" ? "put back" : "discarded";
  const heads: Record<BulkState["phase"], string> = {
    asking: "",
    running: action === "replay" ? "Putting back…" : "Discarding…",
    stopped: `Stopped. ${plural(Math.max(0, total - handled), "letter")} not looked at yet.`,
    failed: "A step failed. Nothing is done twice when you try again.",
    done: "Done.",
  };
  return (
    <div class="dialog-body">
      <p role="status">
        <strong>{heads[state.phase]}</strong>
      </p>
      <progress
        aria-label={`Letters ${did}`}
        value={state.phase === "done" ? 1 : handled}
        max={state.phase === "done" ? 1 : Math.max(1, total)}
      />
      <dl class="result">
        <div>
          <dt>{did}</dt>
          <dd>{count(state.done)}</dd>
        </div>
        {state.already > 0 && (
          <div>
            <dt>by this batch before</dt>
            <dd>{count(state.already)}</dd>
          </div>
        )}
        <div>
          <dt>left as they were</dt>
          <dd>{count(left)}</dd>
        </div>
      </dl>
      {state.problem && (
        <p class="caution">
          <WarnIcon />
          <Text value={state.problem.message} />
        </p>
      )}
      {[...state.left].map(([status, ids]) => (
        <details key={status} class="left">
          <summary>
            {count(ids.length)}: {reason(status)}
          </summary>
          <ul>
            {ids.slice(0, 100).map((id) => (
              <li key={id}>
                <code>
                  <Short value={id} />
                </code>
              </li>
            ))}
            {ids.length > 100 && <li>and {count(ids.length - 100)} more</li>}
          </ul>
        </details>
      ))}
    </div>
  );
}
