/** So many loops at once, of which each asks again as soon as it is answered. */
import { quantile } from "../figures.js";

export interface Sample {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Of this process, its garbage collector included, for each call. */
  cpuUs: number;
  /** How many there were. They had the numbers from 0 on, or from `from`. */
  calls: number;
}

export interface Loops {
  inFlight: number;
  /** Asks no more after this time. */
  ms: number;
  /** Nor after so many calls. Default: no limit. */
  limit?: number;
  /** The first number. Default: 0. */
  from?: number;
}

/**
 * A latency runs from the answer before in the same loop. A synchronous driver, which answers each call at once, lets the others wait
 * meanwhile, and that is counted, too.
 */
export async function closedLoop(
  { inFlight, ms, limit = Number.POSITIVE_INFINITY, from = 0 }: Loops,
  call: (n: number) => unknown,
): Promise<Sample> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const until = startedAt + ms;
  let calls = 0;
  async function loop(): Promise<void> {
    let askedAt = startedAt;
    while (askedAt < until && calls < limit) {
      await call(from + calls++);
      const answeredAt = performance.now();
      latencies.push(answeredAt - askedAt);
      askedAt = answeredAt;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop));
  const tookMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (calls / tookMs) * 1000,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: quantile(latencies, 1),
    cpuUs: (user + system) / calls,
    calls,
  };
}
