/** End to end: what a guarded route costs, next to the same route unguarded, the floor, and other libraries. */
import type { Part } from "../part.js";
import { type HttpResult, measureHttp } from "./run.js";
import { sectionOf } from "./section.js";

const REQUESTS = 4_000;
const CONNECTIONS = 64;

export const http: Part<HttpResult[]> = {
  name: "http",
  measure: ({ rounds, share, log }) =>
    measureHttp({
      rounds,
      requests: Math.max(CONNECTIONS, Math.round(REQUESTS * share)),
      connections: CONNECTIONS,
      frameworks: chosen("BENCH_FRAMEWORKS"),
      stores: chosen("BENCH_STORES"),
      only: chosen("BENCH_ONLY"),
      log,
    }),
  section: sectionOf,
};

/** A part of all, for whoever works on one thing: `BENCH_STORES=redis,memory`. */
function chosen<Name extends string>(variable: string): Name[] | undefined {
  return process.env[variable]?.split(",") as Name[] | undefined;
}
