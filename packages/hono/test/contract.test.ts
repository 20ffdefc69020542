import { adapterContract } from "@hooklatch/testing";
import { describe, it } from "vitest";
import { honoHarness } from "./support/harness.js";
import { onNode } from "./support/node.js";

describe.each(["", "/api/v1"])(
  "Hono on Node keeps the adapter contract, with its routes below '%s'",
  (basePath) => {
    for (const { name, run } of adapterContract(honoHarness(onNode, basePath))) it.concurrent(name, run);
  },
);
