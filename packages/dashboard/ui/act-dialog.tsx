/** Asks before something is done to one letter or operation, does it, and says what came of it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Done } from "../src/api.js";
import { reason } from "./bulk.js";
import { Dialog } from "./dialog.js";
import { WarnIcon } from "./icons.js";
import { NoteField } from "./note-field.js";
import { type Problem, post, toProblem } from "./request.js";
import { Text } from "./text.js";

interface Props {
  title: string;
  children: ComponentChildren;
  /** On the button that does it. */
  verb: ComponentChildren;
  danger?: boolean;
  path: string;
  /** What is sent, beside the note; `undefined`: it cannot be sent as it is. */
  body: object | undefined;
  /** The statuses that mean it was done. */
  good: Done["status"][];
  wide?: boolean;
  onClose(): void;
  onDone(done: Done): void;
}

export function ActDialog({ title, children, verb, danger, path, body, good, wide, onClose, onDone }: Props) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | undefined>(undefined);

  async function act(): Promise<void> {
    if (body === undefined || busy) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const done = await post<Done>(path, { ...body, ...(note.trim() === "" ? {} : { note: note.trim() }) });
      if (good.includes(done.status)) onDone(done);
      else setFailed(`Refused: ${reason(done.status)}.`);
    } catch (error) {
      setFailed(words(toProblem(error)));
    }
    setBusy(false);
  }

  return (
    <Dialog title={title} wide={wide ?? false} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <div class="dialog-body">
          {children}
          <NoteField value={note} onInput={setNote} />
          <div role="alert">
            {failed !== undefined && (
              <p class="caution">
                <WarnIcon />
                <Text value={failed} />
              </p>
            )}
          </div>
        </div>
        <div class="dialog-end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy || body === undefined}>
            {verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function words(problem: Problem): string {
  if (problem.status === 0) {
    return `No answer came, so it is not known whether it was done: look before you try again. (${problem.message})`;
  }
  if (problem.status === 403) return `You may not do this. ${problem.message}`;
  return problem.message;
}
