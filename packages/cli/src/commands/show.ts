import type { Command } from "commander";
import { type Context, examples, type Runs } from "../context.js";
import { EXIT } from "../exit.js";
import { letterOf } from "../letter-ids.js";
import { letterText } from "../letter-text.js";
import { letterShape } from "../shapes.js";
import { recordOf } from "../states.js";

interface ShowOptions {
  raw?: boolean;
}

export function addShow(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("show")
    .description("Everything about one dead letter: error, event, attempts, replays, and its operation now.")
    .argument("<id>", "its id, or the first 6 digits or more")
    .option("--raw", "the body as it came: all of it, and not laid out anew")
    .action(runs(showCommand));
  examples(
    command,
    "hooklatch dlq show 3f9a1c --store sqlite:events.db",
    "hooklatch dlq show 3f9a1c --json | jq -r .event.body.utf8",
  );
}

async function showCommand({ session, place, options, args }: Context<ShowOptions>): Promise<number> {
  const letter = await letterOf(await place.deadLetters(), args[0] ?? "");
  const record = await recordOf(place, letter);
  if (session.json) session.result(letterShape(letter, record));
  else session.out(letterText(letter, record, session.colours, options.raw ?? false));
  return EXIT.done;
}
