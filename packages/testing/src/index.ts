/**
 * The contracts of Hooklatch's stores, dead-letter queues and adapters, as cases that any test runner can run.
 *
 * A suite is a list of `{ name, run }` on `node:assert/strict`. Cases use random identities, need no empty database, close what they open,
 * forget what they made, and wait no longer than a lease of 100 ms; so they can run against a live server, and in parallel (see `space`
 * in `StoreHarness`). A case that does not apply to a store, by what its harness says, is not in the list. Cases for adapters have a memory
 * store, apps and ports of their own.
 *
 * @example
 * ```ts
 * // vitest
 * import { storeContract } from "@hooklatch/testing";
 * import { describe, it } from "vitest";
 *
 * describe("my store", () => {
 *   const cases = storeContract({ open: (space) => myStore({ prefix: space }) });
 *   for (const { name, run } of cases) it.concurrent(name, run);
 * });
 * ```
 *
 * @example
 * ```ts
 * // node:test, with the cases in which several processes share one store; `open-store.mjs` is
 * // `export default (path) => myStore(path)`
 * import { test } from "node:test";
 * import { storeContract } from "@hooklatch/testing";
 *
 * const path = (space) => join(directory, `${space}.db`);
 * const cases = storeContract({
 *   open: (space) => myStore(path(space)),
 *   child: (space) => ({ module: new URL("./open-store.mjs", import.meta.url).href, argument: path(space) }),
 * });
 * for (const { name, run } of cases) test(name, run);
 * ```
 *
 * @example
 * ```ts
 * // vitest: an adapter, on its framework; `AdapterHarness` says what `serve` makes of a case's routes
 * import { adapterContract } from "@hooklatch/testing";
 * import { describe, it } from "vitest";
 *
 * describe("my adapter", () => {
 *   for (const { name, run } of adapterContract({ basePath: "/api", serve: serveMyFramework })) it.concurrent(name, run);
 * });
 * ```
 */
import { arrivalCases } from "./arrival.js";
import { attemptCases } from "./attempts.js";
import { burialCases } from "./burial.js";
import { type DeadLetterCases, deadLetterCase, type StoreCases, storeCase } from "./case.js";
import { claimCases, mismatchCases } from "./claim.js";
import {
  closedQueueCases,
  closingCases,
  secondConnectionCases,
  secondQueueConnectionCases,
} from "./closing.js";
import { discardCases } from "./discarding.js";
import { dueCases } from "./due.js";
import { editCases } from "./edits.js";
import { expiryCases } from "./expiry.js";
import { facetCases } from "./facets.js";
import { fencingCases } from "./fencing.js";
import { filterCases } from "./filters.js";
import type { ContractCase, DeadLetterHarness, StoreHarness } from "./harness.js";
import { historyCases, scopesCases } from "./history.js";
import { identityCases } from "./identity.js";
import { letterCases } from "./letters.js";
import { pagingCases } from "./paging.js";
import { payloadCases } from "./payload.js";
import { processCases } from "./processes.js";
import { readingCases } from "./reading.js";
import { replayCases } from "./replay.js";
import { purgeCases, retentionCases } from "./retention.js";

export { adapterContract } from "./adapters/contract.js";
export { eventBytes, fetchHead, fetchRoute, formParts, goneOf, streamOf } from "./adapters/fetch-route.js";
export {
  type AdapterHarness,
  type AppSpec,
  type FormPart,
  type GuardedRoutes,
  nativeOptions,
  type RequestHead,
  type Route,
  type RouteAnswer,
  type RouteCall,
  type RunningApp,
} from "./adapters/harness.js";
export type { ChildStore, ContractCase, DeadLetterHarness, StoreHarness } from "./harness.js";

/** Everything an `IdempotencyStore` promises. A store that passes keeps what Hooklatch says about it. */
export function storeContract(harness: StoreHarness): ContractCase[] {
  const closes = !harness.without?.includes("close");
  const cases: StoreCases = {
    ...claimCases,
    ...mismatchCases,
    ...fencingCases,
    ...attemptCases,
    ...retentionCases,
    ...(harness.without?.includes("purge") ? {} : purgeCases),
    ...burialCases,
    ...replayCases,
    ...historyCases,
    ...editCases,
    ...discardCases,
    ...(harness.without?.includes("scopes") ? {} : scopesCases),
    ...dueCases,
    ...identityCases,
    ...payloadCases,
    ...readingCases,
    ...(closes ? closingCases : {}),
    ...(closes && !harness.sharedConnection ? secondConnectionCases : {}),
    ...(harness.child ? processCases : {}),
  };
  return Object.entries(cases).map(([name, body]) => storeCase(harness, name, body));
}

/** Everything a `DeadLetterQueue` promises. A mere sink (a topic, a webhook) cannot be read, so it cannot be proven. */
export function deadLetterContract(harness: DeadLetterHarness): ContractCase[] {
  const closes = !harness.without?.includes("close");
  const cases: DeadLetterCases = {
    ...letterCases,
    ...pagingCases,
    ...arrivalCases,
    ...filterCases,
    ...facetCases,
    ...(harness.without?.includes("expired") ? {} : expiryCases),
    ...(closes ? closedQueueCases : {}),
    ...(closes && !harness.sharedConnection ? secondQueueConnectionCases : {}),
  };
  return Object.entries(cases).map(([name, body]) => deadLetterCase(harness, name, body));
}
