/** What `doctor` looks at. */
import type { StoreDescription } from "@hooklatch/core";
import { endingOf } from "./exit.js";
import { type Overview, overviewOf } from "./overview.js";
import { duration } from "./times.js";
import type { Place } from "./where.js";

export interface Check {
  /** Stable, for programs. */
  name: "store" | "dead_letters" | "settings" | "survives" | "worker" | "unsettled" | "letters";
  status: "ok" | "warning" | "error";
  scope?: string;
  message: string;
}
export interface Examined {
  status: "ok" | "warnings" | "failed";
  /** `null`: it does not answer, or does not describe itself. */
  store: StoreDescription | null;
  checks: Check[];
}

const OVERDUE_MS = 60_000;

/** Never rejects: what does not answer is a finding. `redact`: takes secrets out of an error's message. */
export async function examine(place: Place, redact: (text: string) => string): Promise<Examined> {
  const checks: Check[] = [];
  const failed = (name: Check["name"], error: unknown) =>
    checks.push({ name, status: "error", message: redact(endingOf(error).message) });
  let store: StoreDescription | null = null;
  let overview: Overview | undefined;
  try {
    const opened = await place.store();
    await opened.stats();
    checks.push({ name: "store", status: "ok", message: "The store answers." });
    if (opened.survives === "process")
      checks.push({
        name: "survives",
        status: "warning",
        message: "The store loses everything with its process.",
      });
    store = (await opened.describe?.()) ?? null;
    for (const message of store?.warnings ?? [])
      checks.push({ name: "settings", status: "warning", message });
  } catch (error) {
    failed("store", error);
  }
  try {
    if (await place.hasDeadLetters()) {
      await (await place.deadLetters()).count();
      checks.push({ name: "dead_letters", status: "ok", message: "The dead-letter queue answers." });
    } else
      checks.push({ name: "dead_letters", status: "warning", message: "No dead-letter queue is named." });
  } catch (error) {
    failed("dead_letters", error);
  }
  if (checks.every(({ status }) => status !== "error")) {
    try {
      overview = await overviewOf(place, undefined);
    } catch (error) {
      failed("store", error);
    }
  }
  if (overview !== undefined) checks.push(...workChecks(overview));
  const has = (status: Check["status"]) => checks.some((check) => check.status === status);
  return { status: has("error") ? "failed" : has("warning") ? "warnings" : "ok", store, checks };
}

/** Whether work goes on, and whether store and queue agree. */
function workChecks({ scopes, total, untold }: Overview): Check[] {
  const all = untold ? [{ scope: undefined, counts: total }] : scopes;
  const checks = all.flatMap(({ scope, counts }): Check[] => {
    const { oldestWaitingAt, unsettled, dead, letters } = counts;
    const about = scope === undefined ? {} : { scope };
    const where = scope === undefined ? "" : ` in scope ${scope}`;
    const worker = scope === undefined ? "Is a worker running?" : `Is a worker running for scope ${scope}?`;
    const warning = (name: Check["name"], message: string): Check => ({
      name,
      status: "warning",
      ...about,
      message,
    });
    const overdue = oldestWaitingAt === undefined ? 0 : Date.now() - oldestWaitingAt;
    const found: Check[] = [];
    if (overdue > OVERDUE_MS)
      found.push(
        warning("worker", `Work${where} is due since ${duration(overdue)}, and nobody took it. ${worker}`),
      );
    if (unsettled > 0)
      found.push(
        warning(
          "unsettled",
          `${unsettled} letters${where} are not yet pushed to the queue, or not yet removed. ${worker}`,
        ),
      );
    if (letters !== undefined && dead - unsettled > letters)
      found.push(
        warning(
          "letters",
          `${dead} operations${where} are dead, but the queue has ${letters} letters: does its handler have \`deadLetters\`, and is it this queue?`,
        ),
      );
    return found;
  });
  if (checks.length > 0) return checks;
  return [{ name: "worker", status: "ok", message: "Nothing is overdue, and store and queue agree." }];
}
