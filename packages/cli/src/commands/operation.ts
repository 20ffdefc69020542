import { type OperationRecord, operationOf, takeOver } from "@hooklatch/core";
import type { Command } from "commander";
import { canConfirm, confirm } from "../confirm.js";
import { type Context, examples, type Runs } from "../context.js";
import { CliError, EXIT } from "../exit.js";
import { attemptLines, errorLines, field, leaseText, replayLine, when } from "../letter-text.js";
import type { Session } from "../session.js";
import { idShape, operationShape } from "../shapes.js";
import { whoAsks } from "./replay.js";

interface OperationOptions {
  scope: string;
  key: string;
  tenant?: string;
}
interface ReleaseOptions extends OperationOptions {
  yes?: boolean;
  by?: string;
  note?: string;
}

export function addOperation(program: Command, runs: Runs): void {
  const operation = program
    .command("operation")
    .description("One operation: a key of a scope, as the store has it.");
  const show = identified(operation.command("show"))
    .description("Its state, token, attempts, lease, and history.")
    .action(runs(showCommand));
  examples(show, "hooklatch operation show --scope orders --key evt_1 --store sqlite:events.db");
  const release = identified(operation.command("release"))
    .description(
      "Take a stuck operation away from whoever holds it. With an event it runs anew; without one its key is free. A handler that is running is not stopped.",
    )
    .option("-y, --yes", "do not ask")
    .option("--by <name>", "who asks, for the history (default: the user of this system)")
    .option("--note <text>", "why, for the history")
    .action(runs(releaseCommand));
  examples(release, "hooklatch operation release --scope orders --key evt_1 --note 'hangs since the deploy'");
}

function identified(command: Command): Command {
  return command
    .requiredOption("--scope <name>", "its scope")
    .requiredOption("--key <key>", "its idempotency key")
    .option("--tenant <name>", "its tenant, where there is one");
}

async function found({ place, options }: Context<OperationOptions>): Promise<OperationRecord> {
  const record = await (await place.store()).get(operationOf(options));
  if (record !== undefined) return record;
  throw new CliError(
    "operation_not_found",
    "The store has no such operation: it never came, or its retention is over.",
    EXIT.notFound,
  );
}

async function showCommand(context: Context<OperationOptions>): Promise<number> {
  const record = await found(context);
  const { session } = context;
  if (session.json) session.result(operationShape(record));
  else session.out(operationText(record, session));
  return EXIT.done;
}

function operationText(record: OperationRecord, { colours }: Session): string {
  const { id, state, owner, token, attempt, round, attempts, replays, error, event, result } = record;
  const at = (name: string, time: number | undefined) =>
    time === undefined ? [] : [field(name, when(time))];
  return [
    colours.bold("Operation"),
    field("scope", id.scope),
    ...(id.tenant === undefined ? [] : [field("tenant", id.tenant)]),
    field("key", id.key),
    field("state", state),
    field("owner", owner),
    field("token", String(token)),
    field("attempt", `${attempt} of round ${round}`),
    ...(state === "running" && record.leaseUntil !== undefined
      ? [field("lease", `${when(record.leaseUntil)}: ${leaseText(record.leaseUntil)}`)]
      : []),
    ...(state === "waiting" ? at("due", record.dueAt) : []),
    ...at("expires", record.expiresAt),
    ...at("first seen", record.bornAt),
    ...at("in this state", record.changedAt),
    field("event", event === undefined ? "not kept" : `${event.byteLength} bytes`),
    ...(record.originalEvent ? [field("", "edited; the event as it was delivered is kept")] : []),
    ...(state === "completed" ? [field("result", result ? `${result.byteLength} bytes` : "not kept")] : []),
    field("letter", record.letter),
    ...(error === undefined ? [] : ["", colours.bold("Error"), ...errorLines(error, colours)]),
    "",
    colours.bold("Attempts"),
    ...attemptLines(attempts, colours),
    ...(replays.length === 0 ? [] : ["", colours.bold("Replays"), ...replays.map(replayLine)]),
  ].join("\n");
}

async function releaseCommand(context: Context<ReleaseOptions>): Promise<number> {
  const { session, place, options } = context;
  canConfirm(session, options.yes);
  const { id, state, token, event } = await found(context);
  session.note(
    state === "running"
      ? "Its handler is not stopped by this: if it still runs, a second run may overlap it."
      : `It is not running, but ${state}.`,
  );
  const then = event === undefined ? "free its key" : "run it anew";
  await confirm(session, `Take the operation away from its owner, and ${then}?`, options.yes);
  const { status } = await takeOver({
    ...{ store: await place.store(), id, expectedToken: token },
    ...{ by: whoAsks(options.by), note: options.note },
  });
  if (session.json) session.result({ ...idShape(id), status });
  else session.out(SAID[status]);
  return status === "scheduled" || status === "released"
    ? EXIT.done
    : status === "not_found"
      ? EXIT.notFound
      : EXIT.refused;
}

const SAID = {
  scheduled: "Taken over: a worker of its scope runs it anew.",
  released: "Released: its key is free for the next request.",
  completed: "Refused: it has completed.",
  superseded: "Refused: it moved on meanwhile. Look at it again.",
  not_found: "It is gone.",
} as const;
