/**
 * `waitForReplicas`: what too few replicas have is not treated as done. It narrows the window in which a fail-over loses something; it does
 * not close it (https://redis.io/docs/latest/commands/wait/).
 */
import { HooklatchError } from "@hooklatch/core";
import type { RedisClient } from "./client.js";
import { isError } from "./failures.js";
import { type Argument, runScript, type Script } from "./script.js";

const REDIRECTIONS = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"];

export interface WaitForReplicas {
  /** So many replicas must have confirmed it. 1 or more. */
  count: number;
  /** How long they may take, in ms. Whole; 1 or more, and less than the `timeoutMs` of the store. */
  timeoutMs: number;
}

/**
 * Runs a script that writes, and asks whether the replicas have all that this connection has written, a resent call's first try included.
 *
 * `WAIT` speaks of one connection: where that was replaced between the two commands, its answer would be about nothing. So the server is
 * asked before and after which connection this is. And `WAIT` speaks of what this connection wrote: a call that found its work done
 * already writes nothing, so that the script must write a mark in any case.
 *
 * `unconfirmed`: for whoever would act upon the reply.
 */
export async function runConfirmed(
  client: RedisClient,
  { count, timeoutMs }: WaitForReplicas,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<{ reply: unknown; unconfirmed: HooklatchError | undefined }> {
  const exec = async (command: string, script: string): Promise<[Error | null, unknown][]> => {
    const pipeline = client.pipeline();
    pipeline.callBuffer("client", ["info"]);
    pipeline.callBuffer(command, [script, keys.length, ...keys, ...args]);
    pipeline.callBuffer("wait", [count, timeoutMs]);
    pipeline.callBuffer("client", ["info"]);
    return (await pipeline.exec()) ?? [];
  };
  let results = await exec("evalsha", sha);
  if (isError(results[1]?.[0], "NOSCRIPT")) results = await exec("eval", lua);
  const [error] = results[1] ?? [null];
  if (REDIRECTIONS.some((code) => isError(error, code))) {
    // In a pipeline ioredis follows none; by itself it does, and learns where the slot is.
    await runScript(client, { lua, sha }, keys, args);
    results = await exec("evalsha", sha);
  }
  const failed = results.find(([failure]) => failure !== null);
  if (failed !== undefined) throw failed[0];
  const [before, reply, have, after] = results.map(([, result]) => result);
  const same = connectionIn(before) === connectionIn(after);
  if (same && Number(have) >= count) return { reply, unconfirmed: undefined };
  return {
    reply,
    unconfirmed: notReplicated(
      same
        ? `${Number(have)} of the ${count} replicas asked for confirmed it within ${timeoutMs} ms.`
        : "The connection was replaced before the replicas confirmed it.",
    ),
  };
}

export function notReplicated(text: string): HooklatchError {
  return new HooklatchError("store_not_replicated", text, { retryable: true });
}

/** What tells one connection from all others: its number and both its addresses. */
function connectionIn(info: unknown): string {
  return [...String(info).matchAll(/\b(?:id|addr|laddr)=\S+/g)].join(" ");
}
