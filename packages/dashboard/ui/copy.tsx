import type { ComponentChildren } from "preact";
import { CopyIcon } from "./icons.js";
import { say } from "./notice.js";

export function CopyButton({
  text,
  what,
  children,
}: {
  text: string;
  what: string;
  children: ComponentChildren;
}) {
  return (
    <button
      type="button"
      onClick={() => {
        void copy(text).then((done) =>
          say(
            done ? `${what} was copied.` : `${what} could not be copied: the browser does not allow it.`,
            done,
          ),
        );
      }}
    >
      <CopyIcon /> {children}
    </button>
  );
}

/** `navigator.clipboard` is missing where the page does not come by HTTPS. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return done;
  }
}
