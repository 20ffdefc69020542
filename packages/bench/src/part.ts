/** A part of the benchmark: what it measures, and how its results are told. */
export interface PartOptions {
  /** Of each measurement. The figures are medians of them. */
  rounds: number;
  /** How much is done in each, times the default. The tests use a small share; 1 is what the docs show. */
  share: number;
  log: (line: string) => void;
}

export interface Part<Result> {
  /** Its command: `pnpm bench http`. */
  name: string;
  /** What can be written as JSON and read again. */
  measure(options: PartOptions): Promise<Result>;
  /** Its section of docs/benchmarks.md, from `##` on: tables, and what to think of them. */
  section(result: Result): string;
}
