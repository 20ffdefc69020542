import { adapterContract } from "@hooklatch/testing";
import { describe, it } from "vitest";
import { fetchHarness } from "./support/harness.js";
import { onNode } from "./support/node.js";

describe.each(["", "/api/v1"])(
  "Fetch on Node keeps the adapter contract, with its paths below '%s'",
  (basePath) => {
    for (const { name, run } of adapterContract(fetchHarness(onNode, basePath))) it.concurrent(name, run);
  },
);
