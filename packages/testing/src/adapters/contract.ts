import type { ContractCase } from "../harness.js";
import { bodyCases } from "./bodies.js";
import { type AdapterCases, adapterCase } from "./case.js";
import { concurrencyCases } from "./concurrency.js";
import { disconnectCases } from "./disconnects.js";
import { errorCases } from "./errors.js";
import { faultCases } from "./faults.js";
import type { AdapterHarness } from "./harness.js";
import { identityCases } from "./identity.js";
import { keyCases } from "./keys.js";
import { mountCases } from "./mounts.js";
import { replayCases } from "./replays.js";
import { statusCases } from "./statuses.js";
import { streamCases } from "./streams.js";
import { untouchedCases } from "./untouched.js";
import { webhookCases } from "./webhooks.js";

/**
 * Everything an adapter promises, on its real framework: `idempotency`, `withIdempotency` and `mount` (DESIGN.md §8). A case takes less
 * than two seconds, and all can run at once.
 */
export function adapterContract(harness: AdapterHarness): ContractCase[] {
  const cases: AdapterCases = {
    ...keyCases,
    ...replayCases,
    ...statusCases,
    ...identityCases,
    ...concurrencyCases,
    ...streamCases,
    ...disconnectCases,
    ...errorCases,
    ...bodyCases,
    ...faultCases,
    ...untouchedCases,
    ...webhookCases,
    ...mountCases,
  };
  const isLeftOut = (name: string): boolean =>
    harness.without?.some((beginning) => name.startsWith(beginning)) ?? false;
  return Object.entries(cases)
    .filter(([name]) => !isLeftOut(name))
    .map(([name, body]) => adapterCase(harness, name, body));
}
