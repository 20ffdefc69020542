import { adapterContract } from "@hooklatch/testing";
import { describe, it } from "vitest";
import { expressHarness } from "./support/harness.js";
import { MAJORS } from "./support/server.js";

describe.each(MAJORS)("%s keeps the adapter contract", (name, express) => {
  describe.each(["", "/api/v1"])("mounted at '%s'", (basePath) => {
    const harness = expressHarness(express, basePath, { promises: name !== "Express 4" });
    for (const one of adapterContract(harness)) it.concurrent(one.name, one.run);
  });
});
