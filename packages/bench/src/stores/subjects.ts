/** Who is measured, and against which floors. */
export const KINDS = ["memory", "sqlite", "redis"] as const;
export type Kind = (typeof KINDS)[number];

export interface Entry {
  kind: Kind;
  /** As in the report. */
  title: string;
  /** Nothing but raw commands of the driver. */
  floor: boolean;
}

const names = ["memory", "sqlite", "sqlite-full", "sqlite-normal", "redis", "redis-commands"] as const;
export type SubjectName = (typeof names)[number];

export const SUBJECTS: Readonly<Record<SubjectName, Entry>> = {
  memory: { kind: "memory", title: "`memoryStore`", floor: false },
  sqlite: { kind: "sqlite", title: "`sqliteStore`", floor: false },
  "sqlite-full": { kind: "sqlite", title: "one commit each, FULL", floor: true },
  "sqlite-normal": { kind: "sqlite", title: "one commit each, NORMAL", floor: true },
  redis: { kind: "redis", title: "`redisStore`", floor: false },
  "redis-commands": { kind: "redis", title: "`SET NX GET`, `SET`, `GET`", floor: true },
};

export function subjectsOf(kinds: readonly Kind[]): SubjectName[] {
  return names.filter((name) => kinds.includes(SUBJECTS[name].kind));
}

/** `pair`: a claim and its completion, as one. */
export const VERBS = ["claim", "complete", "pair", "duplicate"] as const;
export type Verb = (typeof VERBS)[number];
