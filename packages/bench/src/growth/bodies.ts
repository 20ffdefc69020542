/** What a claim with its event and a completion with its result cost by how large these are, next to the floors. */
import { type Figure, figureOf, interleave, median, ratioOf } from "../figures.js";
import type { PartOptions } from "../part.js";
import { KIB } from "../stores/subject.js";
import type { SubjectName } from "../stores/subjects.js";
import { type Asked, type Home, NO_LIMIT, type Rig } from "./rig.js";

export interface BodiesResult {
  store: SubjectName;
  kib: number;
  pairMs: Figure;
  /** Over that of the floor. Absent: there is none. */
  over?: Figure;
  /** Of what is more than 1 KiB, event and result counted both. */
  nsPerByte: number;
}

const BODY_KIB = [1, 16, 256, 1024] as const;
const FLOOR: Partial<Record<SubjectName, SubjectName>> = { sqlite: "sqlite-full", redis: "redis-commands" };
const STORES = ["memory", "sqlite", "redis"] as const;
/** At `share` 1: fewer of the large ones. */
const pairsOf = (kib: number) => (kib < 64 ? 200 : 30);
const LEAST_PAIRS = 5;

interface Item {
  name: SubjectName;
  kib: number;
}

export async function measureBodies(rig: Rig, { rounds, share, log }: PartOptions): Promise<BodiesResult[]> {
  const asked = new Map<SubjectName, { asked: Asked; home: Home }>();
  const names = STORES.flatMap((store) => [store, FLOOR[store] ?? []].flat());
  for (const name of names) asked.set(name, { asked: rig.start(name), home: await rig.home(name) });

  async function measure({ name, kib }: Item): Promise<number> {
    const one = asked.get(name);
    if (one === undefined) throw new Error(`Nobody asks ${name}.`);
    await one.home.clear();
    const store = await one.asked.open(one.home, kib * KIB, kib * KIB);
    const pairs = { do: "pairs", store, inFlight: 1 } as const;
    await one.asked.ask({ ...pairs, from: 0, ms: NO_LIMIT, limit: 5 });
    const limit = Math.max(LEAST_PAIRS, Math.round(share * pairsOf(kib)));
    const sample = await one.asked.ask({ ...pairs, from: 5, ms: NO_LIMIT, limit });
    await one.asked.ask({ do: "close", store });
    return sample.p50Ms;
  }

  log("growth: bodies");
  const items = BODY_KIB.flatMap((kib) => names.map((name): Item => ({ name, kib })));
  for (const item of items) await measure(item);
  const samples = await interleave(items, rounds, measure);
  const list = (name: SubjectName, kib: number): number[] =>
    [...samples].find(([item]) => item.name === name && item.kib === kib)?.[1] ?? [];

  const results = STORES.flatMap((store) =>
    BODY_KIB.map((kib): BodiesResult => {
      const floor = FLOOR[store];
      const more = median(list(store, kib).map((ms, round) => ms - (list(store, 1)[round] ?? 0)));
      return {
        store,
        kib,
        pairMs: figureOf(list(store, kib)),
        ...(floor === undefined ? {} : { over: ratioOf(list(store, kib), list(floor, kib)) }),
        nsPerByte: kib === 1 ? 0 : (more * 1e6) / (2 * (kib - 1) * KIB),
      };
    }),
  );
  for (const { store, kib, pairMs, over, nsPerByte } of results) {
    const floor = over === undefined ? "" : `, × floor ${over.median.toFixed(2)}`;
    log(
      `  ${store} ${kib} KiB: pair ${pairMs.median.toFixed(3)} ms, ${nsPerByte.toFixed(2)} ns a byte${floor}`,
    );
  }
  await Promise.all([...asked.values()].map((one) => one.asked.stop()));
  return results;
}
