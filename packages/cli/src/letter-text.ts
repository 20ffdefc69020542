/** A letter, and what is told of an operation, for people. Every part that comes from data is made harmless here. */
import {
  type AttemptRecord,
  type DeadLetter,
  deliveredIn,
  type ErrorRecord,
  type OperationRecord,
  type ReplayRecord,
  utf8In,
} from "@hooklatch/core";
import type { Colours } from "./colours.js";
import { harmless } from "./harmless.js";
import { isJson, prettyJson } from "./json-text.js";
import { duration, iso, since } from "./times.js";

/** Of a longer body only the beginning is shown, unless it is asked for raw. */
const SHOWN = 64 * 1024;
const NAME_WIDTH = 14;

export function letterText(
  letter: DeadLetter,
  record: OperationRecord | undefined | "unknown",
  colours: Colours,
  raw: boolean,
): string {
  const { id, scope, tenant, key, error, attempts, rounds, replays = [], event, originalEvent } = letter;
  return [
    colours.bold(`Letter ${harmless(id)}`),
    field("scope", scope),
    ...(tenant === undefined ? [] : [field("tenant", tenant)]),
    field("key", key),
    field("operation", stateText(record)),
    field("first failed", when(letter.firstFailedAt)),
    field("failed", when(letter.diedAt)),
    ...(letter.arrivedAt === undefined ? [] : [field("arrived", when(letter.arrivedAt))]),
    field("attempts", `${attempts.length} in ${rounds === 1 ? "1 round" : `${rounds} rounds`}`),
    "",
    colours.bold("Error"),
    ...errorLines(error, colours),
    "",
    colours.bold(originalEvent ? "Event, as it was edited" : "Event"),
    ...eventLines(event, raw),
    ...(originalEvent
      ? ["", colours.bold("Event, as it was delivered"), ...eventLines(originalEvent, raw)]
      : []),
    "",
    colours.bold("Attempts"),
    ...attemptLines(attempts, colours),
    ...(replays.length === 0 ? [] : ["", colours.bold("Replays"), ...replays.map(replayLine)]),
  ].join("\n");
}

export function field(name: string, value: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${harmless(value)}`;
}

export function when(at: number): string {
  return `${iso(at)} (${since(at)})`;
}

function stateText(record: OperationRecord | undefined | "unknown"): string {
  if (record === "unknown") return "unknown: the store does not answer";
  if (record === undefined) return "gone: the store has no record of it; a replay makes one of this letter";
  const { state, token, attempt, leaseUntil, dueAt } = record;
  const more = [
    `token ${token}`,
    `attempt ${attempt}`,
    ...(state === "running" && leaseUntil !== undefined ? [leaseText(leaseUntil)] : []),
    ...(state === "waiting" && dueAt !== undefined ? [`due ${since(dueAt)}`] : []),
  ];
  return `${state} (${more.join(", ")})`;
}

export function leaseText(leaseUntil: number): string {
  const left = leaseUntil - Date.now();
  return left > 0 ? `lease for ${duration(left)} more` : `lease over since ${duration(-left)}`;
}

export function errorLines({ name, code, message, stack }: ErrorRecord, colours: Colours): string[] {
  const title = harmless(code === undefined ? name : `${name} (${code})`);
  const lines = [`  ${colours.red(title)}: ${indented(message, 4).trimStart()}`];
  if (stack !== undefined) lines.push(...indented(stack, 4).split("\n").map(colours.dim));
  return lines;
}

function eventLines(event: Uint8Array, raw: boolean): string[] {
  const delivered = deliveredIn(event);
  if (delivered === undefined) return bodyLines(event, raw);
  const { method, url, headers, receivedAt, body } = delivered;
  const headerLines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `  ${harmless(`${name}: ${one}`)}`),
  );
  return [
    `  ${harmless(`${method} ${url}`)}`,
    `  received ${when(receivedAt.getTime())}`,
    ...headerLines,
    "",
    ...bodyLines(body, raw),
  ];
}

function bodyLines(body: Uint8Array, raw: boolean): string[] {
  const size = `${body.byteLength} bytes`;
  if (body.byteLength === 0) return ["  (no body)"];
  const text = utf8In(body);
  if (text === undefined) {
    const base64 = Buffer.from(body).toString("base64");
    const lines = (raw ? base64 : base64.slice(0, SHOWN)).match(/.{1,76}/g) ?? [];
    const cutShort = !raw && base64.length > SHOWN ? ["  … (--raw shows all)"] : [];
    return [`  (${size} that are not text, in base64)`, ...lines.map((line) => `  ${line}`), ...cutShort];
  }
  const laidOut = !raw && isJson(text) ? prettyJson(text) : text;
  if (raw || laidOut.length <= SHOWN) return [indented(laidOut, 2)];
  return [indented(laidOut.slice(0, SHOWN), 2), `  … (the beginning of ${size}; --raw shows all)`];
}

export function attemptLines(attempts: readonly AttemptRecord[], colours: Colours): string[] {
  const lines: string[] = [];
  let before: AttemptRecord | undefined;
  for (const one of attempts) {
    const { round = 1, attempt, startedAt, durationMs, error, owner } = one;
    if (round !== (before?.round ?? (before ? 1 : 0))) lines.push(`  round ${round}`);
    const pause = before && startedAt - before.startedAt - before.durationMs;
    const waited = pause !== undefined && pause > 0 ? `, ${duration(pause)} after the last` : "";
    const ended = error
      ? colours.red(harmless(`${error.code ?? error.name}: ${error.message}`))
      : colours.green("succeeded");
    lines.push(`    ${attempt}  ${iso(startedAt)}  ${duration(durationMs)}${waited}`);
    lines.push(`       ${ended}${owner === undefined ? "" : colours.dim(harmless(`  by ${owner}`))}`);
    before = one;
  }
  return lines.length === 0 ? ["  none is recorded"] : lines;
}

export function replayLine({ round, at, replayId, by, note, changed }: ReplayRecord): string {
  const parts = [
    `round ${round}`,
    iso(at),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(note === undefined ? [] : [`"${note}"`]),
    ...(changed === undefined ? [] : [`edited ${changed.map((place) => place || "all of it").join(", ")}`]),
    replayId,
  ];
  return `  ${harmless(parts.join("  "))}`;
}

function indented(text: string, by: number): string {
  const margin = " ".repeat(by);
  return harmless(text, { lines: true })
    .split("\n")
    .map((line) => (line === "" ? line : margin + line))
    .join("\n");
}
