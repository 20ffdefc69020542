/** Editing an event: another body in its place, and what is different between two of them. */
import { sameBytes } from "./bytes.js";
import type { HttpHeaders } from "./http.js";
import { encodeEvent, readStoredEvent, type WebhookEvent, webhookEvent } from "./webhook.js";

/** Places named in a history; of more, the first ones. */
const MOST_PLACES = 50;
/** Of values looked at, so that an edit of a huge body costs no more than a large one. */
const MOST_VALUES = 100_000;
/** In one of two bodies alone. */
const ABSENT = Symbol("absent");

/**
 * The event with another body. `event`: as a letter or an operation holds it, either what a receiver keeps, or the encoded input of a plain
 * function, which is a body alone. A `content-length` among its headers follows.
 */
export function withBody(event: Uint8Array, body: Uint8Array): Uint8Array {
  const delivered = deliveredIn(event);
  if (delivered === undefined) return body.slice();
  const { "content-length": length, ...others } = delivered.headers;
  const headers: HttpHeaders =
    length === undefined ? others : { ...others, "content-length": String(body.byteLength) };
  return encodeEvent(webhookEvent({ ...delivered, headers, body }));
}

/** What a receiver kept; `undefined` for the input of a plain function. */
export function deliveredIn(event: Uint8Array): WebhookEvent | undefined {
  try {
    return readStoredEvent(event);
  } catch {
    return undefined;
  }
}

/**
 * Where two events differ: JSON pointers (RFC 6901) into their bodies, `""` being all of it, where both are JSON; else `body`. Empty: they are
 * the same.
 */
export function changesBetween(before: Uint8Array, after: Uint8Array): string[] {
  if (sameBytes(before, after)) return [];
  const [a, b] = [before, after].map((event) => deliveredIn(event)?.body ?? event) as [
    Uint8Array,
    Uint8Array,
  ];
  if (sameBytes(a, b)) return ["headers"];
  try {
    const places = differences(parse(a), parse(b));
    // Another spelling of the same values is a change, too.
    return places.length > 0 ? places : ["body"];
  } catch {
    return ["body"];
  }
}

function differences(before: unknown, after: unknown): string[] {
  const places: string[] = [];
  // A list of what is still to be compared, for a depth that recursion could not reach.
  const open: [pointer: string, a: unknown, b: unknown][] = [["", before, after]];
  for (let seen = 0; open.length > 0 && places.length < MOST_PLACES && seen < MOST_VALUES; seen++) {
    const [pointer, a, b] = open.pop() as (typeof open)[number];
    if (Object.is(a, b)) continue;
    if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) {
      places.push(pointer);
      continue;
    }
    for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].reverse()) {
      const step = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const [of, and] = [a, b].map((tree) => (Object.hasOwn(tree, name) ? tree[name] : ABSENT));
      open.push([step, of, and]);
    }
  }
  return places.slice(0, MOST_PLACES);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parse(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
}
