#!/usr/bin/env node
/** The `hooklatch` command. */
import { main } from "./program.js";

/** What an app's own config left open must not keep a command that is done from ending. */
const GRACE_MS = 500;

// A reader that went away (`| head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? (process.exitCode ?? 0) : 1);
  });
}

process.exitCode = await main(process.argv.slice(2));
process.stdin.unref?.();
setTimeout(() => process.exit(), GRACE_MS).unref();
