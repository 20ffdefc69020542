/**
 * What makes two requests "the same": a SHA-256, of raw bytes or of canonical JSON (RFC 8785).
 *
 * Canonical JSON works on the text, not on parsed values, because parsing loses information: `9007199254740993` and
 * `9007199254740992` become the same number, `{"a":1,"a":2}` loses a member, `__proto__` may vanish. Here a number that a double
 * cannot hold keeps its exact decimal value, and a text with repeated members has no canonical form at all.
 */
import { HooklatchError } from "./errors.js";
import { sha256Hex } from "./hash.js";

/** Deeper JSON than this has no canonical form: bounded work, whatever a sender sends. */
const MAX_DEPTH = 128;
/** Longer JSON than this has no canonical form, in UTF-16 units. */
const MAX_LENGTH = 4 * 1024 * 1024;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;

/** SHA-256 of bytes, or of a string's UTF-8, as lower-case hex. */
export function fingerprintOf(data: Uint8Array | string): string {
  return sha256Hex(data);
}

/**
 * The canonical form of a JSON text (RFC 8785): members sorted, no white space, one form for each number and string.
 * `undefined` where there is none: not JSON, repeated members, deeper than 128 levels, or longer than 4 Mi characters.
 */
export function canonicalJsonText(text: string): string | undefined {
  if (text.length > MAX_LENGTH || !isValidJson(text)) return undefined;
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;

  function value(depth: number): string | undefined {
    const token = tokens[at++] as string;
    if (token === "{") return object(depth + 1);
    if (token === "[") return array(depth + 1);
    if (token.startsWith('"')) return JSON.stringify(JSON.parse(token));
    return token === "true" || token === "false" || token === "null" ? token : canonicalNumber(token);
  }
  function array(depth: number): string | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const items: string[] = [];
    while (tokens[at] !== "]") {
      if (tokens[at] === ",") at++;
      const item = value(depth);
      if (item === undefined) return undefined;
      items.push(item);
    }
    at++;
    return `[${items.join(",")}]`;
  }
  function object(depth: number): string | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const members = new Map<string, string>();
    while (tokens[at] !== "}") {
      if (tokens[at] === ",") at++;
      const name = JSON.parse(tokens[at++] as string) as string;
      at++; // the colon
      const member = value(depth);
      if (member === undefined || members.has(name)) return undefined;
      members.set(name, member);
    }
    at++;
    // The default order of `sort` is by UTF-16 units, which is what RFC 8785 §3.2.3 asks for.
    const names = [...members.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${members.get(name)}`).join(",")}}`;
  }

  return value(0);
}

/**
 * Checks syntax and depth in one pass over the brackets before the parser sees the text, so that hostile nesting costs nothing.
 */
function isValidJson(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth > MAX_DEPTH) return false;
  }
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A double's shortest form (RFC 8785 §3.2.2.3), or, where a double would change the value, the exact decimal. */
function canonicalNumber(token: string): string {
  const number = Number(token);
  if (Number.isFinite(number)) {
    const shortest = String(number === 0 ? 0 : number);
    if (decimal(shortest) === decimal(token)) return shortest;
  }
  return decimal(token);
}

/** The one way to write a decimal as sign, digits without outer zeros, and exponent. */
function decimal(token: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  return `${sign}${digits}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(all.length - digits.length)}`;
}

/**
 * The canonical JSON of a value, as `JSON.stringify` sees it (`toJSON` is used, `undefined` members are left out).
 * @throws {HooklatchError} `not_encodable` for what JSON would lose or cannot hold
 */
export function canonicalJson(value: unknown): string {
  const canonical = canonicalJsonText(strictJson(value));
  if (canonical === undefined) {
    throw new HooklatchError(
      "not_encodable",
      `The value is nested deeper than ${MAX_DEPTH} levels, or too large.`,
    );
  }
  return canonical;
}

/**
 * `JSON.stringify` that refuses what it would silently change: functions, symbols, NaN and infinities, maps and sets.
 * @throws {HooklatchError} `not_encodable`
 */
export function strictJson(value: unknown): string {
  try {
    const text = JSON.stringify(value, (name, member: unknown) => {
      const why = lossy(member);
      if (why !== undefined)
        throw new HooklatchError("not_encodable", `${why} cannot be kept as JSON (at "${name}").`);
      return member;
    });
    if (text !== undefined) return text;
  } catch (cause) {
    if (HooklatchError.is(cause)) throw cause;
    throw new HooklatchError("not_encodable", `The value cannot be kept as JSON: ${String(cause)}`, {
      cause,
    });
  }
  throw new HooklatchError("not_encodable", "`undefined` cannot be kept as JSON.");
}

function lossy(member: unknown): string | undefined {
  if (typeof member === "function" || typeof member === "symbol") return `A ${typeof member}`;
  if (typeof member === "number" && !Number.isFinite(member)) return String(member);
  if (member instanceof Map || member instanceof Set) return `A ${member.constructor.name}`;
  return undefined;
}

/**
 * A `key` for a receiver whose sender gives no id: the hash of the body's canonical JSON, so that the order of members and white space
 * do not matter. A body without a canonical form is hashed as raw bytes, so every body has a key.
 *
 * @example createReceiver(handler, { store, scope: "orders", key: canonicalJsonKey })
 */
export function canonicalJsonKey(event: { readonly body: Uint8Array }): string {
  const text = decodeUtf8(event.body);
  const canonical = text === undefined ? undefined : canonicalJsonText(text);
  return canonical === undefined ? sha256Hex(event.body) : sha256Hex(`json:${canonical}`);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
