import { adapterContract } from "@hooklatch/testing";
import { describe, it } from "vitest";
import { fastifyHarness } from "./support/harness.js";

describe.each(["", "/api/v1"])(
  "Fastify keeps the adapter contract, with its routes below '%s'",
  (basePath) => {
    for (const { name, run } of adapterContract(fastifyHarness(basePath))) it.concurrent(name, run);
  },
);
