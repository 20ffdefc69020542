import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { changesBetween, deliveredIn, replayLetter, utf8In, withBody } from "@hooklatch/core";
import type { Command } from "commander";
import type { Colours } from "../colours.js";
import { canConfirm, confirm } from "../confirm.js";
import { type Context, examples, type Runs } from "../context.js";
import { edited } from "../editor.js";
import { CliError, EXIT, unreadable, usage } from "../exit.js";
import { harmless } from "../harmless.js";
import { compactJson, isJson, prettyJson } from "../json-text.js";
import { letterOf, SHORT_ID } from "../letter-ids.js";
import { lineDiff } from "../line-diff.js";
import type { Session } from "../session.js";
import { whoAsks } from "./replay.js";

interface EditOptions {
  body?: string;
  bodyFile?: string;
  yes?: boolean;
  by?: string;
  note?: string;
}

export function addEdit(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("edit")
    .description(
      "Change the body of a dead letter and put it back to work. What the sender delivered is kept beside it.",
    )
    .argument("<id>", "its id, or the first 6 digits or more")
    .option(
      "--body-file <file>",
      "take the body from this file, byte for byte, instead of $VISUAL or $EDITOR",
    )
    .option("--body <text>", "take this body; `-` reads it from stdin")
    .option("-y, --yes", "do not ask")
    .option("--by <name>", "who asks, for the history (default: the user of this system)")
    .option("--note <text>", "why, for the history")
    .action(runs(editCommand));
  examples(
    command,
    "hooklatch dlq edit 3f9a1c --store sqlite:events.db",
    "hooklatch dlq edit 3f9a1c --body-file fixed.json --note 'currency was missing'",
    "jq '.amount = 12' body.json | hooklatch dlq edit 3f9a1c --body - --yes",
  );
}

async function editCommand({ session, place, options, args }: Context<EditOptions>): Promise<number> {
  if (options.body !== undefined && options.bodyFile !== undefined)
    throw usage("Say either --body or --body-file.");
  // Before anybody edits for nothing.
  canConfirm(session, options.yes);
  const deadLetters = await place.deadLetters();
  const letter = await letterOf(deadLetters, args[0] ?? "");
  const before = deliveredIn(letter.event)?.body ?? letter.event;
  const after = await newBody(session, options, before);
  const event = after === undefined ? letter.event : withBody(letter.event, after);
  const changed = changesBetween(letter.event, event);
  if (after === undefined || changed.length === 0) {
    if (session.json) session.result({ id: letter.id, status: "unchanged", changed: [] });
    else session.out("The body is unchanged: nothing was done.");
    return EXIT.done;
  }
  if (!session.json || !options.yes) session.note(changesText(session.colours, before, after, changed));
  const wasJson = isJson(utf8In(before) ?? "");
  if (wasJson && !isJson(utf8In(after) ?? ""))
    session.note("Beware: the body was JSON, and is not any more.");
  await confirm(session, `Put letter ${letter.id.slice(0, SHORT_ID)} back with this body?`, options.yes);
  const { id } = letter;
  const { note } = options;
  const by = whoAsks(options.by);
  // The letter that was seen, whatever is there by now.
  const { status } = await replayLetter(letter, { store: await place.store(), deadLetters, event, by, note });
  if (session.json) session.result({ id, status, changed });
  else session.out(said(status));
  return status === "scheduled" ? EXIT.done : EXIT.refused;
}

function said(status: string): string {
  switch (status) {
    case "scheduled":
      return "Put back with the new body. The body as it was delivered is kept.";
    case "completed":
      return "Its operation completed meanwhile: the letter was removed, and nothing was changed.";
    default:
      return `Refused (${status}): its operation moved on meanwhile. Look at the letter again.`;
  }
}

/** `undefined`: it was left as it is. */
async function newBody(
  session: Session,
  options: EditOptions,
  before: Uint8Array,
): Promise<Uint8Array | undefined> {
  const { body, bodyFile } = options;
  if (bodyFile !== undefined) {
    try {
      return readFileSync(bodyFile);
    } catch (error) {
      throw unreadable(bodyFile, error);
    }
  }
  if (body === "-") return buffer(process.stdin);
  if (body !== undefined) return Buffer.from(body);
  return inEditor(session, before);
}

async function inEditor(session: Session, before: Uint8Array): Promise<Uint8Array | undefined> {
  const text = utf8In(before);
  if (text === undefined)
    throw new CliError("body_not_text", "The body is not text: replace it with --body-file.", EXIT.usage);
  const wasJson = isJson(text);
  const shown = wasJson ? prettyJson(text) : text;
  // Editors end the last line. That is not a change.
  const ended = shown.endsWith("\n");
  let result = await edited(session, ended ? shown : `${shown}\n`, wasJson ? "json" : "txt");
  if (!ended && result.endsWith("\n")) result = result.slice(0, -1);
  if (result === shown) return undefined;
  if (!wasJson || !isJson(result)) return Buffer.from(result);
  const compact = compactJson(result);
  if (compact === compactJson(text)) return undefined;
  // As the sender spelled it: without white space, or as it was typed.
  return Buffer.from(compactJson(text) === text ? compact : result);
}

function changesText(
  colours: Colours,
  before: Uint8Array,
  after: Uint8Array,
  changed: readonly string[],
): string {
  const places = changed.map((place) => `  ${harmless(place === "" ? "(all of it)" : place)}`);
  const [a, b] = [before, after].map((body) => {
    const text = utf8In(body);
    return text !== undefined && isJson(text) ? prettyJson(text) : text;
  });
  const diff =
    a === undefined || b === undefined
      ? [`  ${before.byteLength} bytes before, ${after.byteLength} bytes after`]
      : lineDiff(a, b).map(({ kind, text }) => {
          const line = `${kind} ${harmless(text)}`;
          return kind === "+" ? colours.green(line) : kind === "-" ? colours.red(line) : colours.dim(line);
        });
  return [colours.bold("Changed"), ...places, "", ...diff, ""].join("\n");
}
