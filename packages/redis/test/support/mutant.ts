/** Scripts that are broken in one way each, and the case that must notice. */

export interface LuaMutant {
  flaw: string;
  /** Exactly once in the scripts that have it. */
  text: string;
  replacement: string;
  /** The beginning of the names of the cases that must fail; others may fail too. */
  caughtBy: readonly string[];
}

export function mutant(flaw: string, text: string, replacement: string, ...caughtBy: string[]): LuaMutant {
  return { flaw, text, replacement, caughtBy };
}
