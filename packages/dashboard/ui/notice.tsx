/** Says what came of an action, aloud too. */

import { CheckIcon, CloseIcon, WarnIcon } from "./icons.js";
import { shared, useShared } from "./shared.js";

interface Notice {
  text: string;
  good: boolean;
}

const notice = shared<Notice | undefined>(undefined);

export function say(text: string, good = true): void {
  notice.set({ text, good });
}

export function unsay(): void {
  notice.set(undefined);
}

export function Notices() {
  const shown = useShared(notice);
  return (
    <div role="status" class="notices">
      {shown && (
        <div class={`notice ${shown.good ? "good" : "bad"}`}>
          {shown.good ? <CheckIcon /> : <WarnIcon />}
          <span>{shown.text}</span>
          <button type="button" class="icon-button" aria-label="Close this message" onClick={unsay}>
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}
