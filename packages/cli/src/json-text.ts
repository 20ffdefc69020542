/** JSON as text that is laid out anew without being read into values: numbers, names given twice and escapes stay as they are. */

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const INDENT = "  ";
/** Deeper levels are not indented further, or a deep body would become a huge one. */
const DEEPEST = 40;

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Laid out for people. `text` is JSON. */
export function prettyJson(text: string): string {
  let depth = 0;
  let out = "";
  let before = "";
  const line = () => `\n${INDENT.repeat(Math.min(depth, DEEPEST))}`;
  for (const [token] of text.matchAll(TOKENS)) {
    const opens = before === "{" || before === "[";
    if (token === "}" || token === "]") {
      depth--;
      out += opens ? token : line() + token;
    } else {
      if (opens || before === ",") out += line();
      out += token === ":" ? ": " : token;
      if (token === "{" || token === "[") depth++;
    }
    before = token;
  }
  return out;
}

/** Without white space between its parts. `text` is JSON. */
export function compactJson(text: string): string {
  return Array.from(text.matchAll(TOKENS), ([token]) => token).join("");
}
