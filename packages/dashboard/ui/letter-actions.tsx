import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { LetterDetail } from "../src/api.js";
import { ActDialog } from "./act-dialog.js";
import { EditDialog } from "./edit-dialog.js";
import { BinIcon, EditIcon, ReplayIcon, WarnIcon } from "./icons.js";
import { useMay, useSession, whyNot } from "./session.js";
import { Short } from "./text.js";

interface Props {
  letter: LetterDetail;
  onReplayed(): void;
  onDiscarded(): void;
}

export function LetterActions({ letter, onReplayed, onDiscarded }: Props) {
  const [open, setOpen] = useState<"replay" | "edit" | "discard" | undefined>(undefined);
  const session = useSession();
  const may = useMay();
  const close = () => setOpen(undefined);
  const path = `api/letters/${encodeURIComponent(letter.id)}`;
  const busy = busyWith(letter);
  const fixed = busy ?? uneditable(letter);
  const barred = whyNot(session, ["replay", "discard"]);

  return (
    <div class="actions">
      {may("replay") && (
        <Act look="primary" barred={busy} onClick={() => setOpen("replay")}>
          <ReplayIcon /> Replay
        </Act>
      )}
      {may("replay") && may("edit") && (
        <Act barred={fixed} onClick={() => setOpen("edit")}>
          <EditIcon /> Edit and replay
        </Act>
      )}
      {may("discard") && (
        <Act look="danger-quiet" barred={busy} onClick={() => setOpen("discard")}>
          <BinIcon /> Discard
        </Act>
      )}
      {barred !== undefined && <span class="quiet small">{barred}</span>}
      {open === "replay" && (
        <ActDialog
          title="Replay this letter"
          verb={
            <>
              <ReplayIcon /> Replay
            </>
          }
          path={`${path}/replay`}
          body={{ version: letter.version }}
          good={["scheduled"]}
          onClose={close}
          onDone={() => {
            close();
            onReplayed();
          }}
        >
          <p>
            It gets a new round: a worker runs its handler again, attempts begin at 1 with the whole retry
            policy. Once it completes, the letter leaves the queue.
          </p>
        </ActDialog>
      )}
      {open === "edit" && (
        <EditDialog
          letter={letter}
          onClose={close}
          onDone={() => {
            close();
            onReplayed();
          }}
        />
      )}
      {open === "discard" && (
        <ActDialog
          title="Discard this letter"
          danger
          verb={
            <>
              <BinIcon /> Discard for good
            </>
          }
          path={`${path}/discard`}
          body={{ version: letter.version }}
          good={["discarded"]}
          onClose={close}
          onDone={() => {
            close();
            onDiscarded();
          }}
        >
          <p class="caution">
            <WarnIcon />
            <span>
              The event of key{" "}
              <code>
                <Short value={letter.key} limit={60} />
              </code>{" "}
              is deleted for good, with its operation. This cannot be undone.
            </span>
          </p>
        </ActDialog>
      )}
    </div>
  );
}

interface ActProps {
  look?: string;
  /** Why it cannot be done now. */
  barred: string | undefined;
  onClick(): void;
  children: ComponentChildren;
}

/** Not `disabled` while it is barred: it would lose the focus, and nobody would hear why. */
function Act({ look, barred, onClick, children }: ActProps) {
  return (
    <button
      type="button"
      class={look}
      aria-disabled={barred !== undefined}
      title={barred}
      onClick={() => barred === undefined && onClick()}
    >
      {children}
    </button>
  );
}

function busyWith({ state }: LetterDetail): string | undefined {
  if (state === "running") return "A worker is running it now.";
  if (state === "completed") return "Its operation has completed: the letter is about to leave the queue.";
  return undefined;
}

function uneditable({ event }: LetterDetail): string | undefined {
  if (event.text === undefined) return "The body is not text.";
  if (event.cut) return "The body is too large to be edited here.";
  if (event.redacted) return "Some values of the body are left out here, so that it cannot be edited.";
  return undefined;
}
