/** Stores and queues whose Lua is broken in one place, on a client that sends the broken text instead of the real one. */
import { createHash } from "node:crypto";
import type { RedisClient } from "@hooklatch/redis";
import { peekLua, scopesLua, statsLua, takeLua } from "../../src/due-work-lua.js";
import { lettersLua } from "../../src/letters-lua.js";
import { operationsLua } from "../../src/operations-lua.js";

const scripts = [operationsLua, peekLua, takeLua, statsLua, scopesLua, lettersLua];

/** Whole scripts, by the hash under which the store sends them. */
export type BrokenScripts = ReadonlyMap<string, string>;

/** @throws where the text is in no script, or more than once in one: then the mutant is not the one that was meant. */
export function breakScripts(text: string, replacement: string): BrokenScripts {
  const broken = new Map<string, string>();
  for (const lua of scripts) {
    const parts = lua.split(text);
    if (parts.length > 2) throw new Error(`${parts.length - 1} times in one script: ${text}`);
    if (parts.length === 2) {
      broken.set(createHash("sha1").update(lua).digest("hex"), parts.join(replacement));
    }
  }
  if (broken.size === 0) throw new Error(`in no script: ${text}`);
  return broken;
}

/** However the store sends a script by its hash. */
export function withBrokenScripts<Client extends RedisClient>(client: Client, broken: BrokenScripts): Client {
  type Send = (...args: unknown[]) => Promise<unknown>;
  const methods = client as unknown as Record<string, Send | undefined>;
  const lua = (sha: unknown) => broken.get(String(sha));
  const replaced: Record<string, Send> = {
    async evalshaBuffer(sha, ...rest) {
      const text = lua(sha);
      return text === undefined ? methods.evalshaBuffer?.(sha, ...rest) : methods.evalBuffer?.(text, ...rest);
    },
  };
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = replaced[String(name)] ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
