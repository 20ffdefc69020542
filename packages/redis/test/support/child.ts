/** How a child process of the contract opens a store: see fixtures/open-store.mjs. */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ChildStore } from "@hooklatch/testing";

const module = fileURLToPath(new URL("../fixtures/open-store.mjs", import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export function inChild(argument: {
  url?: string | undefined;
  nodes?: { host: string; port: number }[];
  prefix: string;
}): ChildStore {
  return { module, argument, execArgv: ["--import", tsx] };
}
