import { useMemo, useState } from "preact/hooks";
import type { Done, LetterDetail } from "../src/api.js";
import { ActDialog } from "./act-dialog.js";
import { around, diffLines } from "./diff.js";
import { editable } from "./editable.js";
import { ReplayIcon, WarnIcon } from "./icons.js";
import { jsonFault } from "./json.js";
import { Text } from "./text.js";
import { hasHidden } from "./visible.js";
import { plural } from "./words.js";

interface Props {
  letter: LetterDetail;
  onClose(): void;
  onDone(done: Done): void;
}

/** What was typed and not sent, by letter: Escape must not cost anybody an edit. */
const drafts = new Map<string, string>();

/** Another body for the next round. The original stays with the letter. */
export function EditDialog({ letter, onClose, onDone }: Props) {
  const original = letter.event.text ?? "";
  const start = useMemo(() => editable(original), [original]);
  const [text, setText] = useState(drafts.get(letter.id) ?? start.text);
  const type = (next: string) => {
    setText(next);
    if (next === start.text) drafts.delete(letter.id);
    else drafts.set(letter.id, next);
  };
  const fault = start.json ? jsonFault(text) : undefined;
  const sent = fault === undefined ? start.toBody(text) : undefined;
  // JSON that is only laid out in another way is not changed.
  const changed = sent !== original;
  const diff = useMemo(() => around(diffLines(start.text, text)), [start.text, text]);
  const body = changed && sent !== undefined ? { version: letter.version, body: sent } : undefined;

  return (
    <ActDialog
      title="Edit and replay"
      wide
      verb={
        <>
          <ReplayIcon /> Replay with this body
        </>
      }
      path={`api/letters/${encodeURIComponent(letter.id)}/replay`}
      body={body}
      good={["scheduled"]}
      onClose={onClose}
      onDone={(done) => {
        drafts.delete(letter.id);
        onDone(done);
      }}
    >
      <p>
        The handler gets this body in a new round. What the sender delivered is kept beside it, and the
        history says what changed. Headers stay as they are.
      </p>
      <label class="field">
        <span>Body{start.json ? " (JSON)" : ""}</span>
        <textarea
          value={text}
          rows={Math.min(16, Math.max(8, start.text.split("\n").length + 1))}
          spellcheck={false}
          autocomplete="off"
          data-focus
          aria-invalid={fault !== undefined}
          aria-describedby="edit-state"
          onInput={(event) => type(event.currentTarget.value)}
        />
      </label>
      <div id="edit-state" role="status">
        {fault !== undefined && (
          <p class="caution">
            <WarnIcon />
            <span>
              Not valid JSON, as the original was: <Text value={fault} />
            </span>
          </p>
        )}
        {!start.json && hasHidden(text) && (
          <p class="caution mild">
            <WarnIcon />
            <span>
              The text has characters that cannot be seen:{" "}
              <Text value={text.length > 400 ? "look at the raw body." : text} />
            </span>
          </p>
        )}
        {!changed && <p class="quiet">Nothing is changed yet.</p>}
      </div>
      {changed && (
        <section aria-label="What changes">
          <p class="label">
            What changes{" "}
            <button type="button" class="link" onClick={() => type(start.text)}>
              Start over
            </button>
          </p>
          <ol class="diff">
            {diff.slice(0, 400).map((line, index) =>
              line === "gap" ? (
                <li key={index} class="gap" aria-label="unchanged lines">
                  ⋯
                </li>
              ) : (
                <li key={index} class={line.kind}>
                  <span class="sign" aria-hidden="true">
                    {line.kind === "gone" ? "−" : line.kind === "new" ? "+" : " "}
                  </span>
                  <span class="hidden">
                    {line.kind === "gone" ? "taken away: " : line.kind === "new" ? "added: " : ""}
                  </span>
                  <Text value={line.text} />
                </li>
              ),
            )}
          </ol>
          {diff.length > 400 && <p class="quiet small">and {plural(diff.length - 400, "more line")}</p>}
        </section>
      )}
    </ActDialog>
  );
}
