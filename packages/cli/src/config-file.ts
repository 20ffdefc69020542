/** `hooklatch.config.mjs`: a store and a queue of the app's own making. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { CliError, EXIT, usage } from "./exit.js";

export interface Config {
  store?: IdempotencyStore;
  deadLetters?: DeadLetterQueue;
  /** For clients of the app's own, which no store closes. */
  close?(): unknown;
}

const NAMES = ["hooklatch.config.js", "hooklatch.config.mjs", "hooklatch.config.cjs"];

/** The one in the working directory. */
export function findConfig(): string | undefined {
  return NAMES.find((name) => existsSync(name));
}

/** @throws {CliError} `config_missing`, `config_failed`, `wrong_usage` */
export async function loadConfig(path: string): Promise<Config> {
  const file = resolve(path);
  if (!existsSync(file)) throw new CliError("config_missing", `There is no file ${path}.`, EXIT.notFound);
  let config: unknown;
  try {
    config = await import(pathToFileURL(file).href);
    // A transpiled CommonJS module has its default export one step deeper.
    for (let depth = 0; depth < 2; depth++)
      if (isObject(config) && "default" in config) config = config.default;
    if (typeof config === "function") config = await config();
  } catch (error) {
    throw new CliError("config_failed", `${path} failed: ${error instanceof Error ? error.message : error}`);
  }
  const { store, deadLetters } = (isObject(config) ? config : {}) as Config;
  const isRight =
    (store !== undefined || deadLetters !== undefined) &&
    (store === undefined || typeof store.claim === "function") &&
    (deadLetters === undefined || typeof deadLetters.list === "function");
  if (!isRight) {
    throw usage(`${path} must export by default { store, deadLetters }, or a function that gives one.`);
  }
  return config as Config;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
