/**
 * What makes two requests "the same": a SHA-256, of raw bytes or of canonical JSON (RFC 8785).
 *
 * Canonical JSON works on the text, not on parsed values, because parsing loses information: `9007199254740993` and
 * `9007199254740992` become the same number, `{"a":1,"a":2}` loses a member, `__proto__` may vanish. Here a number that a double
 * cannot hold keeps its exact decimal value, and a text with repeated members has no canonical form at all.
 */
import { HooklatchError, toErrorRecord } from "./errors.js";
import { sha256Hex } from "./hash.js";

/** Deeper JSON than this has no canonical form: bounded work, whatever a sender sends. */
const MAX_DEPTH = 128;
/** Longer JSON than this has no canonical form, in UTF-16 units. */
const MAX_LENGTH = 4 * 1024 * 1024;
/** A longer number has no canonical form: work on its digits grows faster than its length. */
const MAX_NUMBER_LENGTH = 400;

/** SHA-256 of bytes, or of a string's UTF-8, as lower-case hex. */
export function fingerprintOf(data: Uint8Array | string): string {
  return sha256Hex(data);
}

/**
 * The canonical form of a JSON text (RFC 8785): members sorted, no white space, one form for each number and string. Takes time in
 * proportion to the text, whatever it holds.
 *
 * `undefined` where there is none: not JSON, repeated members, deeper than 128 levels, a number of more than 400 characters, or longer than
 * 4 Mi characters.
 */
export function canonicalJsonText(text: string): string | undefined {
  if (text.length > MAX_LENGTH || !isJson(text)) return undefined;
  // The text is valid, so each step below may trust what it meets.
  let at = 0;

  function next(): string {
    while (/[ \t\n\r]/.test(text.charAt(at))) at++;
    return text.charAt(at);
  }
  /** Steps over this character if it is the next one. */
  function skip(character: string): boolean {
    if (next() !== character) return false;
    at++;
    return true;
  }
  function value(depth: number): string | undefined {
    switch (next()) {
      case "{":
        return depth === MAX_DEPTH ? undefined : object(depth + 1);
      case "[":
        return depth === MAX_DEPTH ? undefined : array(depth + 1);
      case '"':
        return JSON.stringify(string());
      default:
        return literal();
    }
  }
  function string(): string {
    const from = at++;
    while (text.charAt(at) !== '"') at += text.charAt(at) === "\\" ? 2 : 1;
    return JSON.parse(text.slice(from, ++at)) as string;
  }
  function literal(): string | undefined {
    const from = at;
    while (/[-+.\w]/.test(text.charAt(at))) at++;
    const token = text.slice(from, at);
    return /^[tfn]/.test(token) ? token : canonicalNumber(token);
  }
  function array(depth: number): string | undefined {
    const items: string[] = [];
    for (at++; !skip("]"); skip(",")) {
      const item = value(depth);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return `[${items.join(",")}]`;
  }
  function object(depth: number): string | undefined {
    const members = new Map<string, string>();
    for (at++; !skip("}"); skip(",")) {
      next();
      const name = string();
      skip(":");
      const member = value(depth);
      if (member === undefined || members.has(name)) return undefined;
      members.set(name, member);
    }
    // The default order of `sort` is by UTF-16 units, which is what RFC 8785 §3.2.3 asks for.
    const names = [...members.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${members.get(name)}`).join(",")}}`;
  }

  return value(0);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A double's shortest form (RFC 8785 §3.2.2.3), or, where a double would change the value, the exact decimal. */
function canonicalNumber(token: string): string | undefined {
  if (token.length > MAX_NUMBER_LENGTH) return undefined;
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
    // A function for each member costs more than all the rest.
    if (isExact(value, 0)) return JSON.stringify(value);
    // A function with a `this`, which is where the member is before its `toJSON`.
    const text = JSON.stringify(value, function (this: Record<string, unknown>, name, member: unknown) {
      const why = lossy(member) ?? lossy(this[name]);
      if (why !== undefined)
        throw new HooklatchError("not_encodable", `${why} cannot be kept as JSON (at "${name}").`);
      return member;
    });
    if (text !== undefined) return text;
  } catch (cause) {
    if (HooklatchError.is(cause)) throw cause;
    throw new HooklatchError(
      "not_encodable",
      `The value cannot be kept as JSON: ${toErrorRecord(cause).message}`,
      {
        cause,
      },
    );
  }
  throw new HooklatchError("not_encodable", "`undefined` cannot be kept as JSON.");
}

/** Whether it is obvious that JSON keeps all of it. Objects that may have a say in it are looked at one by one, by `lossy`. */
function isExact(value: unknown, depth: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth === EXACT_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isExact(value[i], depth + 1)) return false;
    return Object.getPrototypeOf(value) === Array.prototype && !("toJSON" in value);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || "toJSON" in value) return false;
  for (const name of Object.keys(value)) {
    if (!isExact((value as Record<string, unknown>)[name], depth + 1)) return false;
  }
  return true;
}

/** Deeper, or circular. */
const EXACT_DEPTH = 16;

function lossy(member: unknown): string | undefined {
  if (typeof member === "function" || typeof member === "symbol") return `A ${typeof member}`;
  if (typeof member === "number" && !Number.isFinite(member)) return String(member);
  if (member instanceof Number && !Number.isFinite(member.valueOf())) return String(member);
  if (member instanceof Date && Number.isNaN(member.getTime())) return "An invalid date";
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
  // Apart from each other, so that no raw body can be made to have the key of a JSON one.
  return canonical === undefined ? `raw:${sha256Hex(event.body)}` : `json:${sha256Hex(canonical)}`;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
