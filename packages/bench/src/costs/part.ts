/** What a request costs other than time, and what an app takes in with the packages. */
import type { Part } from "../part.js";
import { type CostsResult, measureCosts } from "./run.js";
import { sectionOf } from "./section.js";

export const costs: Part<CostsResult> = { name: "costs", measure: measureCosts, section: sectionOf };
