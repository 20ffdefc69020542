/**
 * Lays JSON out, or packs it, without reading it into values: numbers, escapes, the order and doubles of names stay as they were sent. It
 * goes through the text once and calls nothing again, so that neither size nor depth can hurt.
 */
const MAX_LENGTH = 400_000;
const MAX_DEPTH = 60;
const MAX_LAID_OUT = 1_500_000;
// Strings, brackets, and runs of anything else but spaces.
const PARTS = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

/** Why it is not JSON, in the browser's words. */
export function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** `undefined`: not JSON, or too large or deep to be laid out. */
export function layOut(text: string): string | undefined {
  if (text.length > MAX_LENGTH || jsonFault(text) !== undefined) return undefined;
  const out: string[] = [];
  let length = 0;
  let depth = 0;
  let opened = false;
  const add = (part: string) => {
    out.push(part);
    length += part.length;
  };
  const line = () => add(`\n${"  ".repeat(depth)}`);
  for (const [part] of text.matchAll(PARTS)) {
    const closes = part === "}" || part === "]";
    if (closes) depth--;
    // Empty ones stay together.
    if (opened !== closes) line();
    opened = part === "{" || part === "[";
    if (opened) depth++;
    add(part === ":" ? ": " : part);
    if (part === ",") line();
    if (depth > MAX_DEPTH || length > MAX_LAID_OUT) return undefined;
  }
  return out.join("");
}

/** Without the spaces between its parts. */
export function pack(text: string): string {
  return Array.from(text.matchAll(PARTS), ([part]) => part).join("");
}
