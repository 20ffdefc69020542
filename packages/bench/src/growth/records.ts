/** What a new operation and a duplicate cost by how many records are kept. */
import { type Figure, figureOf, interleave, ratioOf } from "../figures.js";
import type { PartOptions } from "../part.js";
import { type Asked, type Home, NO_LIMIT, type Rig } from "./rig.js";

const FILLED = ["sqlite", "redis"] as const;
export type Filled = (typeof FILLED)[number];

export interface RecordsResult {
  store: Filled;
  records: number;
  pairMs: Figure;
  duplicateMs: Figure;
  /** Over the store with the fewest records, round by round. */
  pair: Figure;
  duplicate: Figure;
  bytesPerRecord: number;
}

interface Store {
  records: number;
  store: number;
  bytesPerRecord: number;
  /** The first number that is new. */
  next: number;
}

interface Sample {
  pairMs: number;
  duplicateMs: number;
}

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const BYTES = 200;
/** Few, so that a store of a thousand stays one. */
const PAIRS = 60;
const DUPLICATES = 600;

export async function measureRecords(
  rig: Rig,
  { rounds, share, log, filled: names = FILLED }: PartOptions & { filled?: readonly Filled[] | undefined },
): Promise<RecordsResult[]> {
  // A million takes minutes and a gigabyte.
  const sizes = SIZES.slice(0, share >= 1 ? 4 : share >= 0.1 ? 3 : 2);
  const results: RecordsResult[] = [];
  for (const name of names) {
    const asked = rig.start(name);
    const stores: Store[] = [];
    for (const records of sizes) {
      log(`growth: ${records} records on ${name}`);
      stores.push(await fill(asked, await rig.home(name), name, records));
    }
    const measure = async (one: Store): Promise<Sample> => {
      const limits = { store: one.store, inFlight: 1, ms: NO_LIMIT };
      const pairs = await asked.ask({ do: "pairs", ...limits, from: one.next, limit: PAIRS });
      one.next += PAIRS;
      const among = { among: one.records, limit: DUPLICATES };
      const duplicates = await asked.ask({ do: "duplicates", ...limits, ...among });
      return { pairMs: pairs.p50Ms, duplicateMs: duplicates.p50Ms };
    };
    for (const one of stores) await measure(one);
    const samples = await interleave(stores, rounds, measure);
    const list = (one: Store | undefined, figure: keyof Sample) =>
      (one === undefined ? [] : (samples.get(one) ?? [])).map((sample) => sample[figure]);
    const [fewest] = stores;
    for (const one of stores) {
      const result: RecordsResult = {
        store: name,
        records: one.records,
        pairMs: figureOf(list(one, "pairMs")),
        duplicateMs: figureOf(list(one, "duplicateMs")),
        pair: ratioOf(list(one, "pairMs"), list(fewest, "pairMs")),
        duplicate: ratioOf(list(one, "duplicateMs"), list(fewest, "duplicateMs")),
        bytesPerRecord: one.bytesPerRecord,
      };
      results.push(result);
      log(
        `  ${name} ${one.records}: pair ${result.pairMs.median.toFixed(3)} ms × ${result.pair.median.toFixed(2)}, ` +
          `duplicate ${result.duplicateMs.median.toFixed(3)} ms × ${result.duplicate.median.toFixed(2)}, ${one.bytesPerRecord} bytes each`,
      );
    }
    await asked.stop();
  }
  return results;
}

/** Through the store; the rows of a large SQLite file by copying what the store wrote. */
async function fill(asked: Asked, home: Home, name: Filled, records: number): Promise<Store> {
  const first = await asked.open(home, BYTES, BYTES);
  const through = name === "sqlite" ? Math.min(records, 1_000) : records;
  const pairs = { do: "pairs", store: first, inFlight: 256, ms: NO_LIMIT } as const;
  // From then on, the server has what a connection needs, and the scripts.
  await asked.ask({ ...pairs, from: 0, limit: 1 });
  const empty = name === "redis" ? await home.bytes() : 0;
  await asked.ask({ ...pairs, from: 1, limit: through - 1 });
  if (name === "redis") {
    const bytesPerRecord = Math.round(((await home.bytes()) - empty) / (records - 1));
    return { records, store: first, bytesPerRecord, next: records };
  }
  // Closed, so that all is in the one file.
  await asked.ask({ do: "close", store: first });
  await asked.ask({ do: "copy", address: home.address, from: through, to: records });
  const bytesPerRecord = Math.round((await home.bytes()) / records);
  return { records, store: await asked.open(home, BYTES, BYTES), bytesPerRecord, next: records };
}
