/** A few cases of both contracts, with every kind of request and of reply: where an option of the client, or a proxy, could show. */
import type { ContractCase } from "@hooklatch/testing";

const TELLING = [
  "claim: an absent operation",
  "claim: resent, it says again",
  "claim: another fingerprint is a mismatch that changes nothing: completed",
  "complete: resent",
  "attempts: kept over retries",
  "claimDue: resent by its owner",
  "claimDue: gives all that is due",
  "schedule: puts a dead operation back",
  "schedule: keeps who replayed",
  "schedule: an operation of which the store has no record",
  "scopes: those",
  "identity: a worker gets it exactly",
  "payload: every byte",
  "payload: a result that is not kept",
  "get: shows the whole operation",
  "stats: counts each state",
  "push: keeps every field",
  "push: keeps the history",
  "list: newest arrival first",
  "list and count: by all filters",
  "list and count: these filters",
  "expired: what is over either",
];
export const isTelling = ({ name }: ContractCase): boolean =>
  TELLING.some((beginning) => name.startsWith(beginning));
