/** Colours of our own, which no text from outside can forge. */
import { randomInt } from "node:crypto";
import pc from "picocolors";

const NAMES = ["bold", "dim", "red", "green", "yellow", "cyan"] as const;
/** Larger than any number that a colour has. */
const [LEAST, MOST] = [2 ** 40, 2 ** 41];

export type Colours = Readonly<Record<(typeof NAMES)[number], (text: string) => string>>;

export interface Painter {
  readonly colours: Colours;
  /** The text as it may be written: the colours that `colours` gave it, and everything between them as `safe` makes it. */
  shown(text: string, safe: (text: string) => string): string;
}

/**
 * A colour is a sequence that a terminal would take for one, too (so that a table counts it as no width), but with a number in it that this
 * run has drawn: data cannot know it, so a sequence in data is never taken for a colour.
 */
export function createColours(on: boolean): Painter {
  const drawn = `\u001b[${randomInt(LEAST, MOST)};`;
  const all = pc.createColors(on);
  const painted = (name: (typeof NAMES)[number]) => (text: string) => {
    const [open = "", close = ""] = all[name]("|").split("|");
    return `${open.replace("\u001b[", drawn)}${text}${close.replace("\u001b[", drawn)}`;
  };
  return {
    colours: Object.fromEntries(NAMES.map((name) => [name, painted(name)])) as unknown as Colours,
    shown: (text, safe) =>
      text
        .split(drawn)
        .map((part, n) => {
          const end = n === 0 ? 0 : part.indexOf("m") + 1;
          return `${n === 0 ? "" : "\u001b["}${part.slice(0, end)}${safe(part.slice(end))}`;
        })
        .join(""),
  };
}
