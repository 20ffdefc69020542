/** A Lua script: sent by its hash, and whole to a server that does not know it (after a restart, a fail-over or `SCRIPT FLUSH`). */
import { createHash } from "node:crypto";
import { inBytes, type RedisClient } from "./client.js";
import { isError } from "./failures.js";

export type Argument = string | number | Buffer;

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

export function scriptOf(lua: string): Script {
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** Strings in the reply are `Buffer`s. */
export async function runScript(
  client: RedisClient,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await inBytes(client).evalshaBuffer(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isError(error, "NOSCRIPT")) throw error;
    return inBytes(client).evalBuffer(lua, keys.length, ...keys, ...args);
  }
}
