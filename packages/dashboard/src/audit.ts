/** Who changed what: every action, before and after it. */
import type { Action, Filter } from "./api.js";
import type { Settings } from "./options.js";
import { refuse } from "./refusal.js";

export interface AuditEntry {
  /** When, by this process's clock (ms since the epoch). */
  at: number;
  /** As `authorize` named them. */
  by?: string | undefined;
  action: Exclude<Action, "read"> | "release";
  /** `requested`: about to be done. `done`: it was, or was found to be impossible: `status`. `failed`: the store or the queue did not answer. */
  outcome: "requested" | "done" | "failed" | "refused";
  /** What it is about: one letter, several, all that a filter finds, or an operation. */
  target:
    | { letter: string }
    | { letters: readonly string[] }
    | { filter: Filter }
    | { scope: string; tenant?: string | undefined; key: string };
  /** What became of it, for `done`: a status, or how many of each. For `refused` and `failed`: a code. */
  status?: string | Readonly<Record<string, number>> | undefined;
  /** Of a bulk action: the same in each step. */
  batchId?: string | undefined;
  note?: string | undefined;
}

type What = Pick<AuditEntry, "by" | "action" | "target" | "batchId" | "note">;

/** Does it between two entries. What nobody can be told of is not done. */
export async function audited<Result>(
  { audit }: Pick<Settings, "audit">,
  what: What,
  act: () => Promise<Result>,
  statusOf: (result: Result) => AuditEntry["status"],
): Promise<Result> {
  const tell = async (entry: Pick<AuditEntry, "outcome" | "status">): Promise<void> =>
    audit?.({ at: Date.now(), ...what, ...entry });
  try {
    await tell({ outcome: "requested" });
  } catch {
    throw refuse(
      503,
      "audit_failed",
      "The action could not be written to the audit log, so it was not done.",
    );
  }
  let result: Result;
  try {
    result = await act();
  } catch (error) {
    await tell({ outcome: "failed", status: codeOf(error) }).catch(() => {});
    throw error;
  }
  // It is done: that the log missed its end changes nothing about that, and its beginning is in the log.
  await tell({ outcome: "done", status: statusOf(result) }).catch(() => {});
  return result;
}

/** Tells of what was not allowed. A log that fails makes a refusal no less of one. */
export async function auditRefusal(
  { audit }: Pick<Settings, "audit">,
  what: What,
  code: string,
): Promise<void> {
  try {
    await audit?.({ at: Date.now(), ...what, outcome: "refused", status: code });
  } catch {
    // Nothing was done, so nothing is missing.
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "unknown");
}
