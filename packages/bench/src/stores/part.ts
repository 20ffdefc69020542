/** What the stores do by themselves, next to the least that their drivers can do. */
import type { Part } from "../part.js";
import { measureStores, type StoresResult } from "./run.js";
import { sectionOf } from "./section.js";

export const stores: Part<StoresResult> = { name: "stores", measure: measureStores, section: sectionOf };
