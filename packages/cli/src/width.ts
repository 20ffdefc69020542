/** How wide text is on a terminal. */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const PLAIN = /^[\u0020-\u007e]*$/;
/** East Asian wide and fullwidth, and emoji that are shown as such. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]|\p{Emoji}\ufe0f/u;
const MARKS_ALONE = /^\p{M}+$/u;
/** Of the marks piled up on one character. */
const MOST_UNITS = 24;

export interface Character {
  text: string;
  /** In columns: 0, 1 or 2. */
  width: number;
}

/** What a reader takes for one character, marks and joined emoji included. */
export function* charactersOf(text: string): Generator<Character> {
  for (const { segment } of segmenter.segment(text)) {
    const width = MARKS_ALONE.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1;
    yield { text: segment.length > MOST_UNITS ? Array.from(segment).slice(0, 8).join("") : segment, width };
  }
}

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of charactersOf(text)) width += character.width;
  return width;
}

/** At most `most` columns of the text; where something is missing it ends with `…`. */
export function cut(text: string, most: number): string {
  if (text.length <= most && PLAIN.test(text)) return text;
  if (most === Number.POSITIVE_INFINITY) return text;
  let whole = "";
  let width = 0;
  /** What is left when the `…` must fit, too. */
  let short: string | undefined;
  for (const character of charactersOf(text)) {
    if (short === undefined && width + character.width > most - 1) short = whole;
    width += character.width;
    if (width > most) return `${short ?? whole}…`;
    whole += character.text;
  }
  return whole;
}
