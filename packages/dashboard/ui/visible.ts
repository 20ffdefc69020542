/** Makes text of strangers harmless to look at: what cannot be seen, or turns the text around, becomes a small token. */

const RANGES: [first: number, last: number][] = [
  // C0 and C1 controls but tab and line feed, soft hyphen.
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  // Marks of direction.
  [0x061c, 0x061c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
  // Zero width, fillers, line separators. The joiners (U+200C, U+200D) belong to emoji and to many languages.
  [0x034f, 0x034f],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200b],
  [0x2028, 0x2029],
  [0x2060, 0x2065],
  [0x206a, 0x206f],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  // Halves of characters, tags.
  [0xd800, 0xdfff],
  [0xe0000, 0xe007f],
];
const HIDDEN = patternOf(RANGES);
const HIDDEN_IN_LINE = patternOf([[0x09, 0x0a], ...RANGES]);
const NAMES: Record<number, string> = { 0: "\\0", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r" };
const MAX_TOKENS = 2000;

export interface Piece {
  text: string;
  hidden: boolean;
}

/** `lines`: line feeds and tabs are shown as such. */
export function pieces(text: string, lines: boolean): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  const pattern = lines ? HIDDEN : HIDDEN_IN_LINE;
  for (const match of text.matchAll(pattern)) {
    if (found.length >= MAX_TOKENS) {
      // Thousands of elements would make the page slow: the rest is one.
      found.push({ text: text.slice(from).replace(pattern, tokens), hidden: false });
      return found;
    }
    if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: false });
    found.push({ text: tokens(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), hidden: false });
  return found;
}

/** As one string, for titles and attributes. */
export function visible(text: string): string {
  return pieces(text, false)
    .map((piece) => piece.text)
    .join("");
}

export function hasHidden(text: string): boolean {
  return text.search(HIDDEN) !== -1;
}

function patternOf(ranges: [number, number][]): RegExp {
  const hex = (code: number) => `\\u{${code.toString(16)}}`;
  return new RegExp(`[${ranges.map(([first, last]) => `${hex(first)}-${hex(last)}`).join("")}]+`, "gu");
}

function tokens(run: string): string {
  const all: string[] = [];
  let last = "";
  let times = 0;
  const add = () => {
    if (times > 0) all.push(times > 3 ? `${last}×${times}` : last.repeat(times));
  };
  for (const character of run) {
    const token = tokenOf(character.codePointAt(0) ?? 0);
    if (token === last) times++;
    else {
      add();
      last = token;
      times = 1;
    }
  }
  add();
  return all.join("");
}

function tokenOf(code: number): string {
  if (code < 0x80) return NAMES[code] ?? `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** In laid-out JSON these can only stand in strings: as escapes they are the same value, and can be seen and edited. */
export function escapeHidden(json: string): string {
  return json.replace(HIDDEN, (run) =>
    Array.from(
      { length: run.length },
      (_, n) => `\\u${run.charCodeAt(n).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
