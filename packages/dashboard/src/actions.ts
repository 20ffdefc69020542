/** What changes something: replay, edit, discard, many at once, and taking an operation over. */
import {
  type DeadLetter,
  discardLetter,
  discardMany,
  replayLetter,
  replayMany,
  sameBytes,
  takeOver,
  withBody,
} from "@hooklatch/core";
import type { Visitor } from "./access.js";
import type { Action, BulkProgress, Done } from "./api.js";
import { asSeen, versionIn } from "./as-seen.js";
import { type AuditEntry, audited, auditRefusal } from "./audit.js";
import { filterOf } from "./letters.js";
import { idOf } from "./operation.js";
import type { Settings } from "./options.js";
import { refuse } from "./refusal.js";
import { SHOWN_BYTES, seen } from "./shown.js";

const MAX_NOTE = 1_000;
const MAX_IDS = 1_000;

type Body = Readonly<Record<string, unknown>>;
type Target = Pick<AuditEntry, "action" | "target" | "batchId" | "note">;

/** What each needs. An edit is put back to work as well. */
const NEEDED: Record<AuditEntry["action"], readonly Action[]> = {
  replay: ["replay"],
  edit: ["replay", "edit"],
  discard: ["discard"],
  release: ["replay"],
};

/** Asks whether it is allowed, does it, and tells the audit log. */
async function act<Result>(
  settings: Settings,
  { allow, by }: Visitor,
  what: Target,
  does: () => Promise<Result>,
  statusOf: (result: Result) => AuditEntry["status"],
): Promise<Result> {
  const missing = NEEDED[what.action].find((needed) => !allow.has(needed));
  const entry = { ...what, ...(by !== undefined && { by }) };
  if (missing !== undefined) {
    await auditRefusal(settings, entry, "not_allowed");
    throw refuse(
      403,
      "not_allowed",
      settings.readOnly ? "This dashboard is read-only." : `You may not ${missing}.`,
    );
  }
  return audited(settings, entry, does, statusOf);
}

export function replayOne(settings: Settings, visitor: Visitor, id: string, body: Body): Promise<Done> {
  const note = noteIn(body);
  const { by } = visitor;
  const text = body.body;
  const target: Target = { action: text === undefined ? "replay" : "edit", target: { letter: id }, ...note };
  const { store, deadLetters } = settings;
  return act(
    settings,
    visitor,
    target,
    async () =>
      asSeen(deadLetters, id, versionIn(body), async (letter) => {
        const event = text === undefined ? undefined : edited(settings, letter, text);
        return replayLetter(letter, { store, deadLetters, event, by, ...note });
      }),
    ({ status }) => status,
  );
}

/** Only what can be seen whole and unredacted can be edited: what is sent back replaces all of it. */
function edited(settings: Settings, { event }: DeadLetter, text: unknown): Uint8Array {
  if (typeof text !== "string") throw refuse(400, "invalid_body", "`body` must be a text.");
  const { redacted, body } = seen(event, settings);
  if (redacted)
    throw refuse(409, "redacted", "The body is not shown as it is kept, so it cannot be edited here.");
  if (body.byteLength > SHOWN_BYTES)
    throw refuse(409, "too_large_to_edit", "The body is too large to be edited here.");
  const after = new TextEncoder().encode(text);
  if (sameBytes(body, after))
    throw refuse(409, "unchanged", "The body is as it was: to run it again as it is, replay it.");
  return withBody(event, after);
}

export function discardOne(settings: Settings, visitor: Visitor, id: string, body: Body): Promise<Done> {
  const target: Target = { action: "discard", target: { letter: id }, ...noteIn(body) };
  const { store, deadLetters } = settings;
  return act(
    settings,
    visitor,
    target,
    async () =>
      asSeen(deadLetters, id, versionIn(body), (letter) => discardLetter(letter, { store, deadLetters })),
    ({ status }) => status,
  );
}

/** One step of a batch: the page asks for the next one, and can stop or go on at any time. */
export function bulk(
  settings: Settings,
  visitor: Visitor,
  action: "replay" | "discard",
  body: Body,
): Promise<BulkProgress> {
  const { store, deadLetters } = settings;
  const { batchId, ids, filter, next, perSecond } = body;
  if (typeof batchId !== "string" || !/^[\w.-]{8,100}$/.test(batchId)) {
    throw refuse(
      400,
      "invalid_batch",
      "`batchId` must be 8 to 100 characters of A-Z, a-z, 0-9, `_`, `.` and `-`.",
    );
  }
  if (!(next === undefined || typeof next === "string"))
    throw refuse(400, "invalid_batch", "`next` must be a text.");
  if (!(perSecond === undefined || (typeof perSecond === "number" && perSecond >= 1 && perSecond <= 1_000))) {
    throw refuse(400, "invalid_batch", "`perSecond` must be a number from 1 to 1000.");
  }
  const letters = whichOf(settings, ids, filter);
  const note = noteIn(body);
  const target = Array.isArray(letters) ? { letters } : { filter: letters as object };
  const options = { store, deadLetters, letters, from: next };
  return act(
    settings,
    visitor,
    { action, target, batchId, ...note },
    async () => {
      const steps =
        action === "replay"
          ? replayMany({ ...options, batchId, perSecond, by: visitor.by, ...note })
          : discardMany(options);
      const { value } = await steps.next();
      await steps.return(undefined);
      return progressOf(value ?? { items: [] });
    },
    ({ done, already, left }) => ({ done, already, left: left.length }),
  );
}

function whichOf(settings: Settings, ids: unknown, filter: unknown): string[] | ReturnType<typeof filterOf> {
  const isIds = Array.isArray(ids) && ids.every((id) => typeof id === "string");
  if (isIds && filter === undefined && ids.length <= MAX_IDS) return ids;
  if (ids === undefined && typeof filter === "object" && filter !== null)
    return filterOf(settings, filter as Body);
  throw refuse(400, "invalid_batch", `Say either \`ids\`, at most ${MAX_IDS}, or \`filter\`.`);
}

function progressOf({
  items,
  next,
}: {
  items: readonly { id: string; status: string }[];
  next?: string | undefined;
}): BulkProgress {
  const of = (...statuses: string[]) => items.filter(({ status }) => statuses.includes(status));
  const [done, already] = [of("scheduled", "discarded"), of("already")];
  const left = items.filter((item) => !done.includes(item) && !already.includes(item));
  return {
    done: done.length,
    already: already.length,
    left: left.map(({ id, status }) => ({ id, status })),
    ...(next !== undefined && { next }),
  };
}

export function release(settings: Settings, visitor: Visitor, body: Body): Promise<Done> {
  const id = idOf(body);
  const { expectedToken } = body;
  if (!Number.isSafeInteger(expectedToken)) {
    throw refuse(400, "invalid_operation", "`expectedToken` must be the token that was seen.");
  }
  const note = noteIn(body);
  return act(
    settings,
    visitor,
    { action: "release", target: { ...id }, ...note },
    () =>
      takeOver({
        store: settings.store,
        id,
        expectedToken: expectedToken as number,
        by: visitor.by,
        ...note,
      }),
    ({ status }) => status,
  );
}

function noteIn({ note }: Body): { note?: string } {
  if (note === undefined || note === "") return {};
  if (typeof note === "string" && note.length <= MAX_NOTE) return { note };
  throw refuse(400, "invalid_note", `\`note\` must be a text of at most ${MAX_NOTE} characters.`);
}
