/** What becomes of the stores' speed with more records, larger bodies and more processes. */
import type { Part } from "../part.js";
import { type GrowthResult, measureGrowth } from "./run.js";
import { sectionOf } from "./section.js";

export const growth: Part<GrowthResult> = { name: "growth", measure: measureGrowth, section: sectionOf };
