/** What a run that lost its claim may answer with: its successor's completion, and never its own result. */
import type { OperationRecord } from "./store.js";

/** `undefined`: there is no completion, or none of the same request. */
export function completionFor(
  record: OperationRecord | undefined,
  fingerprint: string | undefined,
): { bytes: Uint8Array | null } | undefined {
  const differs = fingerprint !== undefined && (record?.fingerprint ?? fingerprint) !== fingerprint;
  return record?.state !== "completed" || differs ? undefined : { bytes: record.result ?? null };
}
