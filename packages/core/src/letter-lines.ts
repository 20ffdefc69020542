/** Dead letters as JSON lines, so that they can be moved to another queue, or attached to a bug. */
import { utf8In } from "./bytes.js";
import { type DeadLetter, type DeadLetterQueue, isNewer, operationOf } from "./dead-letter.js";
import { HooklatchError } from "./errors.js";
import { letterId } from "./key.js";

const FORMAT = "dead-letter/1";

/** Bytes: as text where they are UTF-8, so that people can read them, else in base64. Nothing is lost either way. */
export type BytesAsJson = { utf8: string } | { base64: string };

/** One letter as one line of JSON, without the line's end. Its secrets, if it has any, are in the line, too. */
export function letterToLine(letter: DeadLetter): string {
  const { event, originalEvent, arrivedAt: _, ...rest } = letter;
  return JSON.stringify({
    hooklatch: FORMAT,
    ...rest,
    event: bytesToJson(event),
    ...(originalEvent && { originalEvent: bytesToJson(originalEvent) }),
  });
}

/**
 * The letter in a line of `letterToLine`. Everything in it is checked, because it may have been edited by hand.
 * @throws {HooklatchError} `invalid_letter`, saying what is wrong
 */
export function letterFromLine(line: string): DeadLetter {
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(line) as typeof found;
  } catch (cause) {
    throw new HooklatchError("invalid_letter", "The line is not JSON.", { cause });
  }
  if (typeof found !== "object" || found === null || found.hooklatch !== FORMAT) {
    throw new HooklatchError("invalid_letter", `The line is not a ${FORMAT} of Hooklatch.`);
  }
  const { event, originalEvent, ...rest } = found;
  for (const [name, isRight] of Object.entries(CHECKS)) {
    if (!isRight(rest[name]))
      throw new HooklatchError("invalid_letter", `\`${name}\` of the letter is missing or wrong.`);
  }
  const known = Object.keys(CHECKS).filter((name) => rest[name] !== undefined);
  const fields = Object.fromEntries(known.map((name) => [name, rest[name]]));
  const letter = { ...fields, event: fromBytes(event, "event") } as DeadLetter;
  if (originalEvent !== undefined) letter.originalEvent = fromBytes(originalEvent, "originalEvent");
  if (letterId(operationOf(letter)) !== letter.id) {
    throw new HooklatchError(
      "invalid_letter",
      "`id` of the letter is not that of its scope, tenant and key.",
    );
  }
  return letter;
}

const isText = (value: unknown): boolean => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isTextOrAbsent = (value: unknown): boolean => value === undefined || isText(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isError = (value: unknown): boolean =>
  isRecord(value) &&
  isText(value.name) &&
  isText(value.message) &&
  [value.code, value.stack].every(isTextOrAbsent);
const isListOf = (isOne: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isOne);

const CHECKS: Record<string, (value: unknown) => boolean> = {
  id: isText,
  scope: isText,
  tenant: isTextOrAbsent,
  key: isText,
  bornAt: isCount,
  token: isCount,
  error: isError,
  attempts: isListOf(
    (one) =>
      isRecord(one) &&
      [one.attempt, one.startedAt, one.durationMs].every(isCount) &&
      (one.round === undefined || isCount(one.round)) &&
      isTextOrAbsent(one.owner) &&
      (one.error === undefined || isError(one.error)),
  ),
  rounds: isCount,
  replays: (value) =>
    value === undefined ||
    isListOf(
      (one) =>
        isRecord(one) &&
        [one.round, one.at].every(isCount) &&
        isText(one.replayId) &&
        [one.by, one.note].every(isTextOrAbsent) &&
        (one.changed === undefined || isListOf(isText)(one.changed)),
    )(value),
  firstFailedAt: isCount,
  diedAt: isCount,
};

export interface ImportOptions {
  deadLetters: DeadLetterQueue;
  letter: DeadLetter;
  /** Also one that was discarded from this queue in the last 7 days, in which the queue keeps that version out. Default: false. */
  restore?: boolean | undefined;
}

/**
 * `imported`. `already`: the queue has a letter of this operation, which stays as it is. `removed`: it was removed from this queue not long ago;
 * `restore` brings it back.
 */
export type Imported = { status: "imported" | "already" | "removed" };

/**
 * Brings a letter into a queue, as it was. Safe to repeat. The store needs no record of its operation: a replay makes one of the letter. An event that
 * is delivered here, too, knows nothing of the letter: it replaces the letter if it dies, and leaves it there if it completes.
 */
export async function importLetter({
  deadLetters,
  letter,
  restore = false,
}: ImportOptions): Promise<Imported> {
  // Also an older one stays: it belongs to an operation that the store knows by that version.
  if ((await deadLetters.get(letter.id)) !== undefined) return { status: "already" };
  await deadLetters.push(letter, { as: restore ? "restore" : "import" });
  const there = await deadLetters.get(letter.id);
  if (there === undefined) return { status: "removed" };
  return { status: isNewer(letter, there) || isNewer(there, letter) ? "already" : "imported" };
}

/** As text where they are UTF-8, else in base64. */
export function bytesToJson(bytes: Uint8Array): BytesAsJson {
  const utf8 = utf8In(bytes);
  return utf8 === undefined
    ? { base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) }
    : { utf8 };
}

function fromBytes(value: unknown, name: string): Uint8Array {
  const { utf8, base64 } = (isRecord(value) ? value : {}) as { utf8?: unknown; base64?: unknown };
  if (typeof utf8 === "string") return new TextEncoder().encode(utf8);
  try {
    if (typeof base64 === "string") return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    // Refused below.
  }
  throw new HooklatchError(
    "invalid_letter",
    `\`${name}\` of the letter must be { "utf8": … } or { "base64": … }.`,
  );
}
