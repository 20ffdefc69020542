/** What the end-to-end figures say, as Markdown. */
import { spread } from "../figures.js";
import { ENTRIES } from "./contenders.js";
import { WORKLOADS } from "./load.js";
import type { HttpResult } from "./run.js";

const FRAMEWORK_TITLES = { express: "Express", fastify: "Fastify", hono: "Hono on Node" };
const STORE_TITLES = { memory: "memory", sqlite: "SQLite", redis: "Redis" };

export function sectionOf(results: readonly HttpResult[]): string {
  const groups = new Map<string, HttpResult[]>();
  for (const result of results) {
    const title = `${FRAMEWORK_TITLES[result.framework]}, ${STORE_TITLES[result.store]}`;
    groups.set(title, [...(groups.get(title) ?? []), result]);
  }
  const tables = [...groups].map(([title, group]) => `### ${title}\n\n${tableOf(group)}`);
  return `## End to end

A \`POST\` with a JSON body of 1 KiB, answered with 1 KiB, over 64 connections. CPU time of the app's process per request, over that of the
framework alone in the same round: the median, and the lowest and highest round. \`new\`: each request has a key of its own. \`duplicate\`: each repeats a
completed one, so that the route does not run. \`mixed\`: nine new ones to a duplicate. \`rate\`: requests per second with new keys, over the
framework's.

${tables.join("\n\n")}

${notesOf(results)}`;
}

function tableOf(group: readonly HttpResult[]): string {
  const rows = group.map((result) => {
    const entry = ENTRIES[result.name];
    const cells = WORKLOADS.map((workload) => spread(result.workloads[workload].cpu));
    const { new: fresh, duplicate } = result.workloads;
    const title = `${entry?.title ?? result.name}${entry?.version === undefined ? "" : ` ${entry.version}`}`;
    const name = entry?.role === "hooklatch" ? `**${title}**` : title;
    const rate = fresh.rate.median.toFixed(2);
    return `| ${name} | ${cells.join(" | ")} | ${rate} | ${onceOf(result, duplicate.executionsPerRequest)} |`;
  });
  return ["| | new | duplicate | mixed | rate | ran once |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

/** Whether it deduplicates at all: a fast one that does not is no contender. */
function onceOf({ bursts }: HttpResult, duplicates: number): string {
  if (duplicates > 0) return "no";
  return bursts.ran === bursts.sent ? "yes" : `no: ${bursts.ran} runs for ${bursts.sent} keys`;
}

function notesOf(results: readonly HttpResult[]): string {
  const names = [...new Set(results.map(({ name }) => name))];
  const notes = names.map((name) => ENTRIES[name]).filter((entry) => entry?.note !== undefined);
  return notes.map((entry) => `- ${entry?.title} ${entry?.version ?? ""}: ${entry?.note}`).join("\n");
}
