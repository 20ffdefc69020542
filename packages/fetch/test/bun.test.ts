import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { casesInBun } from "@hooklatch/servers";
import { adapterContract } from "@hooklatch/testing";
import { describe, it } from "vitest";
import { fetchOnBun } from "./support/bun-harness.js";

const bun = createRequire(import.meta.url).resolve("bun/package.json");
const program = fileURLToPath(new URL("./support/bun.ts", import.meta.url));

describe.each(["", "/api/v1"])(
  "Fetch on Bun keeps the adapter contract, with its paths below '%s'",
  (basePath) => {
    const ended = casesInBun(bun, program, [basePath]);
    for (const { name } of adapterContract(fetchOnBun(basePath))) it.concurrent(name, () => ended(name));
  },
);
