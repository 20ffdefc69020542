#!/usr/bin/env node
/** The `hooklatch` command. */
import { main } from "./program.js";

/** What an app's own config left open must not keep a command that is done from ending. */
const GRACE_MS = 500;

// A reader of the result that went away (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? (process.exitCode ?? 0) : 1);
});
// What is said beside it may be lost: the work goes on, and the exit code is that of the work.
process.stderr.on("error", () => {});

process.exitCode = await main(process.argv.slice(2));
process.stdin.unref?.();
setTimeout(() => process.exit(), GRACE_MS).unref();
