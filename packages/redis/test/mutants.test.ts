/** The contracts are only as good as what they reject: each script that is broken in one place must fail a case that is named beforehand. */
import { redisUrl } from "@hooklatch/servers";
import { type ContractCase, deadLetterContract, storeContract } from "@hooklatch/testing";
import { describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { type BrokenScripts, breakScripts, withBrokenScripts } from "./support/broken-scripts.js";
import { connect } from "./support/clients.js";
import { furtherCases } from "./support/further-cases.js";
import { letterMutants } from "./support/letter-mutants.js";
import type { LuaMutant } from "./support/mutant.js";
import { newPrefix, prefixOf } from "./support/spaces.js";
import { storeMutants } from "./support/store-mutants.js";

describe.skipIf(redisUrl() === undefined)("scripts", () => {
  const client = redisUrl() === undefined ? undefined : connect(redisUrl());
  // Each mutant listens to it.
  client?.setMaxListeners(0);

  function casesOn(broken: BrokenScripts): ContractCase[] {
    if (client === undefined) return [];
    const on = withBrokenScripts(client, broken);
    return [
      ...storeContract({
        without: ["purge"],
        open: (space) => redisStore(on, { prefix: prefixOf(space) }),
      }),
      ...deadLetterContract({
        open: (space, limits) => redisDeadLetters(on, { prefix: prefixOf(space), ...limits }),
      }),
      ...furtherCases(() => {
        const prefix = newPrefix();
        return {
          store: redisStore(on, { prefix }),
          letters: redisDeadLetters(on, { prefix }),
          client,
          prefix,
        };
      }),
    ];
  }

  const mutants: LuaMutant[] = [...storeMutants, ...letterMutants];
  // What they leave out of the contracts' cases is run on the scripts as they are by contract.test.ts.
  const telling = mutants.flatMap(({ caughtBy }) => caughtBy);

  it("that are not broken pass every case that is named here", async () => {
    const cases = casesOn(new Map()).filter(({ name }) =>
      telling.some((beginning) => name.startsWith(beginning)),
    );
    await Promise.all(cases.map(({ run }) => run()));
  });

  for (const { flaw, text, replacement, caughtBy } of mutants) {
    it.concurrent(`fail where ${flaw}`, async () => {
      const all = casesOn(breakScripts(text, replacement));
      for (const beginning of caughtBy) {
        const cases = all.filter(({ name }) => name.startsWith(beginning));
        expect(cases.length, `no case begins "${beginning}"`).toBeGreaterThan(0);
        const outcomes = await Promise.all(
          cases.map(({ run }) =>
            run().then(
              () => "passed",
              () => "failed",
            ),
          ),
        );
        expect(outcomes, beginning).toContain("failed");
      }
    });
  }
});
