/** What is asked of a store and of the raw driver alike: so many operations, told apart by their number. */
export interface Subject {
  /** Of a new key, with an event. */
  claim(n: number): Promise<unknown> | unknown;
  /** Of a claimed one, with a result. */
  complete(n: number): Promise<unknown> | unknown;
  /** The claim of one that is completed: it must find the result. */
  duplicate(n: number): Promise<unknown> | unknown;
  close(): Promise<void> | void;
}

/** The sizes of a measurement. */
export interface Payload {
  event: Buffer;
  result: Buffer;
}

/** `address`: a URL of Redis, or the path of a SQLite file. Nothing but this subject uses it. */
export type Open = (address: string, payload: Payload) => Promise<Subject> | Subject;

export const KIB = 1024;

export function payloadOf(eventBytes: number, resultBytes: number): Payload {
  return { event: Buffer.alloc(eventBytes, "e"), result: Buffer.alloc(resultBytes, "r") };
}

/** As long as a usual key. The same number has the same one, in any process. */
export function keyOf(n: number): string {
  return `evt_${n.toString(36).padStart(20, "0")}`;
}

/** What was read is as long as what was written: a measurement of misses would be a fast one. */
export function expectBytes(found: Uint8Array | null | undefined, { result }: Payload): void {
  if (found?.byteLength !== result.byteLength) throw new Error("A duplicate has not found its result.");
}
