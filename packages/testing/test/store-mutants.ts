/** Stores that are broken in one way each, and the case that must notice. Those of `history-mutants.ts` are among them. */
import type { Held } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import { discardMutants } from "./discard-mutants.js";
import { historyMutants } from "./history-mutants.js";
import { type Parts, parts, random } from "./life-store.js";
import { replacing, type StoreMutant, wrapping } from "./store-mutant.js";

const DAY_MS = 24 * 60 * 60 * 1000;

type Fenced = <R extends Held>(life: life.Life | undefined, r: R) => R;

/** Every fenced write, with its request changed before it is judged. */
function fencedBy(change: Fenced): Partial<Parts> {
  return {
    extend: (found, r, now) => life.extend(found, change(found, r), now),
    complete: (found, r, now) => life.complete(found, change(found, r), now),
    retry: (found, r, now) => life.retry(found, change(found, r), now),
    fail: (found, r, now) => life.fail(found, change(found, r), now),
    release: (found, r, now) => life.release(found, change(found, r), now),
  };
}

const perVerb = (promise: string): string[] =>
  ["extend", "complete", "retry", "fail", "release"].map((verb) => `${verb}: ${promise}`);

const claiming: StoreMutant[] = [
  replacing("claim reads, then writes", "claim: of 32 callers", { atomic: false }),
  replacing(
    "a resent claim is taken for a foreign one",
    "claim: resent by its owner, it gives the same token",
    {
      claim: (found, r, now) =>
        life.claim(found, found?.owner === r.owner ? { ...r, owner: random() } : r, now),
    },
  ),
  replacing("the lease never runs out", "claim: a lease that ran out is taken over", {
    claim: (found, r, now) => life.claim(found, { ...r, leaseMs: DAY_MS * 10_000 }, now),
  }),
  replacing("the lease is taken for seconds", "claim: a running operation says how long its lease lasts", {
    claim: (found, r, now) => life.claim(found, { ...r, leaseMs: r.leaseMs * 1_000 }, now),
  }),
  replacing("the delay is taken for microseconds", "claim: a waiting operation that is not due", {
    retry: (found, r, now) => life.retry(found, { ...r, delayMs: r.delayMs / 1_000 }, now),
  }),
  replacing(
    "fingerprints are compared only with completed operations",
    "claim: another fingerprint is a mismatch that changes nothing: running",
    {
      claim: (found, r, now) =>
        life.claim(found, found?.state === "completed" ? r : { ...r, fingerprint: undefined }, now),
    },
  ),
  replacing("an absent fingerprint is a mismatch", "claim: a fingerprint that is absent on either side", {
    claim: (found, r, now) => life.claim(found, { ...r, fingerprint: r.fingerprint ?? "absent" }, now),
  }),
  replacing("a dead operation is run again at once", "claim: a dead operation is not run again before", {
    claim: (found, r, now) => life.claim(found, { ...r, redeliveryAfterMs: 0 }, now),
  }),
  replacing("redelivery is always rerun", "claim: a dead operation is never run again", {
    claim: (found, r, now) => life.claim(found, { ...r, redelivery: "rerun" }, now),
  }),
  replacing(
    "a redelivery does not replace the event",
    "claim: one that takes an existing operation replaces",
    {
      claim: (found, r, now) => {
        const { event, ...step } = life.claim(found, r, now);
        return found === undefined && event !== undefined ? { ...step, event } : step;
      },
    },
  ),
  replacing("a claim without an event drops the kept one", "claim: one that brings no event does not lose", {
    claim: (found, r, now) => {
      const step = life.claim(found, r, now);
      if (step.next === undefined || r.event !== undefined) return step;
      return { ...step, next: { ...step.next, stored: false }, event: null };
    },
  }),
];

const writing: StoreMutant[] = [
  replacing(
    "tokens are not compared",
    perVerb("refused with another token"),
    fencedBy((found, r) => ({ ...r, token: found?.token ?? r.token })),
  ),
  replacing(
    "owners are not compared",
    [
      ...perVerb("refused with another owner's name"),
      ...perVerb("refused with the token of an earlier life"),
    ],
    fencedBy((found, r) => ({ ...r, owner: found?.owner ?? r.owner })),
  ),
  replacing(
    "complete overwrites",
    ["complete: refused once somebody else took over", "complete: of many sent at once"],
    {
      complete: (found, r, now) =>
        found === undefined
          ? { answer: false }
          : life.complete({ ...found, owner: r.owner, token: r.token, state: "running" }, r, now),
    },
  ),
  replacing("a resent complete is refused", "complete: resent, it gives the same answer", {
    complete: (found, r, now) =>
      found?.state === "running" ? life.complete(found, r, now) : { answer: false },
  }),
  replacing("complete is refused once the lease ran out", "complete: accepted after the lease ran out", {
    complete: (found, r, now) =>
      (found?.leaseUntil ?? now + 1) > now ? life.complete(found, r, now) : { answer: false },
  }),
  replacing("complete is accepted from a waiting operation's owner", "retry: nothing else is accepted", {
    complete: (found, r, now) => life.complete(found && { ...found, state: "running" }, r, now),
  }),
  replacing("extend does not extend", "extend: keeps others out", {
    extend: (found, r, now) => ({ answer: life.extend(found, r, now).answer }),
  }),
  replacing("attempts are counted when they fail", "attempts: counted when they start", {
    claim: (found, r, now) => uncounted(life.claim(found, r, now)),
    takeDue: (found, owner, leaseMs, now) => ({
      ...life.takeDue(found, owner, leaseMs, now),
      attempt: found.attempt,
    }),
    retry: (found, r, now) => life.retry(found && { ...found, attempt: found.attempt + 1 }, r, now),
  }),
  replacing(
    "a claim handed back unstarted is counted",
    "attempts: a claim handed back before its attempt started",
    {
      retry: (found, r, now) => life.retry(found, { ...r, notStarted: false }, now),
    },
  ),
  replacing(
    "retry does not hear how many attempts started",
    "attempts: retry sets them to those that really started",
    { retry: (found, { attempt: _, ...r }, now) => life.retry(found, r, now) },
  ),
  replacing("retry raises the attempts", "attempts: retry sets them to those that really started", {
    retry(found, r, now) {
      const step = life.retry(found, r, now);
      return step.next && r.attempt !== undefined
        ? { ...step, next: { ...step.next, attempt: r.attempt } }
        : step;
    },
  }),
  replacing("what ended is added, not replaced", "attempts: what ended is kept once for each attempt", {
    extend: (found, r, now) => {
      const step = life.extend(found, r, now);
      if (step.next === undefined || found === undefined || r.ended === undefined) return step;
      return {
        ...step,
        next: { ...step.next, attempts: [...found.attempts, { ...r.ended, round: found.round }] },
      };
    },
  }),
];

function uncounted(step: life.Step<life.ClaimAnswer>): life.Step<life.ClaimAnswer> {
  if (step.answer.status !== "claimed" || !step.answer.recovered || step.next === undefined) return step;
  const attempt = step.answer.attempt - 1;
  return { ...step, answer: { ...step.answer, attempt }, next: { ...step.next, attempt } };
}

const keeping: StoreMutant[] = [
  replacing("retention is as long as the lease", "retention: it is not the lease", {
    complete: (found, r, now) =>
      life.complete(found, { ...r, retentionMs: (found?.leaseUntil ?? now) - now }, now),
  }),
  replacing(
    "retention ends every operation",
    "retention: running, waiting and dead operations that keep an event",
    {
      isExpired: (found, now) => life.isExpired(found, now) || found.changedAt + DAY_MS <= now,
    },
  ),
  replacing(
    "retention ends completed operations that owe a removal",
    "retention: a completed operation whose letter",
    {
      isExpired: (found, now) => life.isExpired({ ...found, letter: "none" }, now),
    },
  ),
  replacing("a completed operation never goes", "retention: a completed operation is forgotten", {
    complete: (found, r, now) => life.complete(found, { ...r, retentionMs: DAY_MS * 10_000 }, now),
  }),
  replacing("release drops a kept event", "release: refused where an event is kept", {
    release: (found, r, now) => life.release(found && { ...found, stored: false }, r, now),
  }),
  replacing("release unbinds the key", "release: the key stays bound to its fingerprint", {
    release: (found, r, now) => life.release(found && { ...found, fingerprint: undefined }, r, now),
  }),
  replacing("purge removes what is alive", "purge: never touches what is alive", {
    purgeable: (entry, now) => entry.life.changedAt < now - DAY_MS,
  }),
  replacing("purge knows no limit", "purge: forgets what is expired, at most", {
    purgeLimit: () => Number.POSITIVE_INFINITY,
  }),
  wrapping("purge does nothing", "purge: forgets what is expired", () => ({ purge: async () => 0 })),
];

const payloads: StoreMutant[] = [
  replacing("bytes go through text", "payload: bytes that are not UTF-8", {
    copy: (bytes) => new TextEncoder().encode(new TextDecoder().decode(bytes)),
  }),
  replacing("bytes are cut at a NUL", "payload: text with a NUL", {
    copy: (bytes) => bytes.slice(0, bytes.includes(0) ? bytes.indexOf(0) : undefined),
  }),
  replacing("bytes are not copied", "payload: buffers may be reused", { copy: (bytes) => bytes }),
  replacing("the whole buffer of a view is kept", "payload: a view keeps its own part", {
    copy: (bytes) => new Uint8Array(bytes.buffer.slice(0)),
  }),
  replacing("no result and an empty one are the same", "payload: a result that is not kept is null", {
    complete: (found, r, now) => life.complete(found, { ...r, result: r.result ?? new Uint8Array(0) }, now),
  }),
  replacing("the parts of an identity are joined", "identity: parts that would join", {
    name: ({ scope, tenant, key }) => [scope, ...(tenant === undefined ? [] : [tenant]), key].join(":"),
  }),
  replacing("an identity is normalised", "identity: awkward keys", {
    name: (id) => parts.name(id).normalize("NFC"),
  }),
  replacing("the case of a key does not matter", "identity: awkward keys", {
    name: (id) => parts.name({ ...id, key: id.key.toLowerCase() }),
  }),
  replacing("keys are cut after 255 characters", "identity: awkward keys", {
    name: (id) => parts.name({ ...id, key: id.key.slice(0, 255) }),
  }),
  replacing("tenants share their keys", "identity: tenants and scopes with the same key", {
    name: ({ scope, key }) => parts.name({ scope, key }),
  }),
];

const working: StoreMutant[] = [
  replacing(
    "claimDue gives the same run to every caller",
    "claimDue: each due operation goes to one caller",
    {
      takeDue: (found) => found,
    },
  ),
  replacing("claimDue does not look at scopes", "claimDue: gives work of the scopes", { asked: () => true }),
  replacing("claimDue takes a scope for a prefix", "claimDue: gives work of the scopes", {
    asked: (entry, r) => r.scopes.some((scope) => entry.id.scope.startsWith(scope)),
  }),
  replacing(
    "claimDue gives operations without an event",
    "claimDue: never gives an operation without an event",
    {
      runnableAt: (found) => life.runnableAt({ ...found, stored: true }),
    },
  ),
  replacing("claimDue knows no limit", "claimDue: gives all that is due, and never more", {
    places: () => 1_000,
  }),
  replacing("claimDue, resent, gives other work", "claimDue: resent by its owner, it gives the same work", {
    sameCaller: () => false,
  }),
  replacing("claimDue does not count the attempt", "claimDue: hands a run whose lease ran out", {
    takeDue: (found, owner, leaseMs, now) => ({
      ...life.takeDue(found, owner, leaseMs, now),
      attempt: found.attempt,
    }),
  }),
  replacing(
    "claimDue gives what is not due yet",
    "claimDue: hands waiting operations out when they are due",
    {
      runnableAt: (found) => (found.state === "waiting" ? 0 : life.runnableAt(found)),
    },
  ),
  replacing("letters come before events", "claimDue: letters that are due do not keep events", {
    letterPlaces: (r) => r.limit,
  }),
  replacing("events come before letters", "claimDue: events that are due do not keep letters", {
    letterPlaces: () => 0,
  }),
  replacing("stats count every scope", "stats: counts each state, of one scope", { counted: () => true }),
];

const burying: StoreMutant[] = [
  replacing("the letter is not noted", "letter: a death that owes one has it pushed", {
    fail: (found, r, now) => life.fail(found, { ...r, letter: false }, now),
  }),
  replacing("the removal is not noted", "letter: a completion has it removed", {
    complete: (found, r, now) => life.complete(found && { ...found, letter: "none" }, r, now),
  }),
  replacing(
    "a letter is handed out until the lease runs out, to everybody",
    "letter: a death that owes one has it pushed by one",
    {
      takeNote: (found) => found,
    },
  ),
  replacing("a letter is handed out once only", "letter: a push that is not settled is handed out again", {
    takeNote: (found, owner, leaseMs, now) => life.takeNote(found, owner, leaseMs * 1e9, now),
  }),
  replacing("a settled letter is handed out again", "letter: once settled it is not handed out again", {
    settle: (found, r) => ({ answer: life.settle(found, r).answer }),
  }),
  replacing("settle does not look at the token", "settle: refused with a stale token", {
    settle: (found, r) => life.settle(found, { ...r, token: found?.token ?? r.token }),
  }),
];

const withoutIds = (replays: life.Life["replays"]): life.Life["replays"] =>
  replays.map((one) => ({ ...one, replayId: "" }));

const replaying: StoreMutant[] = [
  replacing("replay ids are not remembered", "schedule: the same replay id puts nothing back twice", {
    schedule: (found, r, now) =>
      life.schedule(found && { ...found, replayId: undefined, replays: withoutIds(found.replays) }, r, now),
  }),
  replacing("the last replay id alone is remembered", "schedule: a replay id of before another replay", {
    schedule: (found, r, now) =>
      life.schedule(found && { ...found, replays: withoutIds(found.replays) }, r, now),
  }),
  replacing("schedule does not look at the life", "schedule: refused as superseded when it is another life", {
    schedule: (found, r, now) => life.schedule(found, { ...r, expectedBornAt: undefined }, now),
  }),
  replacing("schedule does not look at the token", "schedule: refused as superseded", {
    schedule: (found, r, now) => life.schedule(found, { ...r, expectedToken: undefined }, now),
  }),
  replacing("schedule always takes over", "schedule: refused while the operation runs", {
    schedule: (found, r, now) => life.schedule(found, { ...r, force: true }, now),
  }),
  replacing("a takeover by force keeps the token", "schedule: by force, it takes a running operation over", {
    schedule: (found, r, now) => {
      const step = life.schedule(found, r, now);
      return step.next && found ? { ...step, next: { ...step.next, token: found.token } } : step;
    },
  }),
  replacing("schedule goes on counting attempts", "schedule: puts a dead operation back to work", {
    schedule: (found, r, now) => {
      const step = life.schedule(found, r, now);
      return step.next && found ? { ...step, next: { ...step.next, attempt: found.attempt } } : step;
    },
  }),
  replacing("a replay is forgotten when it is recovered", "schedule: that it is a replay survives", {
    takeDue: (found, owner, leaseMs, now) =>
      life.takeDue(found.state === "running" ? { ...found, replay: false } : found, owner, leaseMs, now),
  }),
  replacing("schedule makes an operation without an event", "schedule: rejected as event_not_kept", {
    schedule: (found, r, now) => life.schedule(found && { ...found, stored: true }, r, now),
  }),
  replacing("schedule knows no delay", "schedule: waits for its delay", {
    schedule: (found, r, now) => life.schedule(found, { ...r, delayMs: 0 }, now),
  }),
];

const closing: StoreMutant[] = [
  wrapping("get swallows errors", "close: afterwards every verb is rejected", (store) => ({
    get: (id) => store.get(id).catch(() => undefined),
  })),
  wrapping("claimDue swallows errors", "close: afterwards every verb is rejected", (store) => ({
    claimDue: (r) => store.claimDue(r).catch(() => []),
  })),
  wrapping("scopes swallows errors", "close: afterwards every verb is rejected", (store) => ({
    scopes: async () => (await store.scopes?.().catch(() => [])) ?? [],
  })),
  wrapping("close does not close", "close: afterwards every verb is rejected", () => ({
    close: async () => {},
  })),
];

export const storeMutants: readonly StoreMutant[] = [
  ...claiming,
  ...writing,
  ...keeping,
  ...payloads,
  ...working,
  ...burying,
  ...replaying,
  ...discardMutants,
  ...historyMutants,
  ...closing,
];
