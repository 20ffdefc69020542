/** What a part must reach, and whether it does. */
import { type Figure, spread } from "./figures.js";

export interface Verdict {
  what: string;
  measured: Figure;
  /** `≥ 1.6 ×` */
  asked: string;
  holds: boolean;
}

export function aimsTable(verdicts: readonly Verdict[]): string[] {
  return [
    "### Aims",
    "",
    "| | measured | aim | |",
    "|---|---:|---:|---|",
    ...verdicts.map(
      ({ what, measured, asked, holds }) =>
        `| ${what} | ${spread(measured)} | ${asked} | ${holds ? "reached" : "**missed**"} |`,
    ),
  ];
}
