import { redisUrl } from "@hooklatch/servers";
import { describe, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect } from "./support/clients.js";
import { furtherCases } from "./support/further-cases.js";
import { newPrefix } from "./support/spaces.js";

describe.skipIf(redisUrl() === undefined)("beyond the contracts", () => {
  const cases = furtherCases(() => {
    const client = connect(redisUrl());
    const prefix = newPrefix();
    return {
      store: redisStore(client, { prefix }),
      letters: redisDeadLetters(client, { prefix }),
      client,
      prefix,
    };
  });
  for (const { name, run } of cases) it.concurrent(name, run);
});
