/** Text from outside as it may reach a terminal. */

/**
 * Everything that a terminal obeys rather than shows, and everything that is not seen though it is there: C0, DEL and C1 controls, format
 * characters (bidi controls, zero-width ones, tags), line and paragraph separators, lone surrogates, fillers that look like a space.
 */
const UNSEEN = /\u034f|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;
const UNSEEN_IN_JSON = /\u034f|[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;
const TAB = "    ";

/**
 * The text with nothing in it that moves the cursor, changes colours, makes a link, reorders or hides: each such character becomes an escape
 * like `\u001b`. `lines`: keeps `\n`, and makes a tab four spaces. Done twice, it changes nothing more.
 */
export function harmless(text: string, { lines = false }: { lines?: boolean } = {}): string {
  return text.replace(UNSEEN, (char) => {
    if (lines && char === "\n") return char;
    if (lines && char === "\t") return TAB;
    return escaped(char);
  });
}

/** JSON in which such characters are written as `\u…`, so that it is the same value and harmless, too. */
export function harmlessJson(value: unknown, indent?: number): string {
  return harmlessLine(JSON.stringify(value, undefined, indent));
}

/** The same for JSON that is text already. */
export function harmlessLine(json: string): string {
  return json.replace(UNSEEN_IN_JSON, (char) =>
    Array.from({ length: char.length }, (_, n) => unit(char.charCodeAt(n))).join(""),
  );
}

function escaped(char: string): string {
  return char.length === 1 ? unit(char.charCodeAt(0)) : `\\u{${char.codePointAt(0)?.toString(16)}}`;
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** One argument as a shell reads it back: bare where that is enough, else quoted; controls as `$'…'`, which bash, zsh and ksh know. */
export function quoted(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  const shown = harmless(argument);
  if (shown === argument) return `'${argument.replaceAll("'", `'\\''`)}'`;
  const inside = argument.replace(/[\\']/g, "\\$&").replace(UNSEEN, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : unit(code);
  });
  return `$'${inside}'`;
}
