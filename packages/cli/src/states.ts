/** What the operation of a letter is doing now. */
import { type DeadLetter, type OperationRecord, operationOf } from "@hooklatch/core";
import type { StateNow } from "./shapes.js";
import type { Place } from "./where.js";

/** `unknown`: the store cannot be asked. Letters can be read without it. */
export async function recordOf(
  place: Place,
  letter: DeadLetter,
): Promise<OperationRecord | undefined | "unknown"> {
  try {
    return await (await place.store()).get(operationOf(letter));
  } catch {
    return "unknown";
  }
}

export async function stateOf(place: Place, letter: DeadLetter): Promise<StateNow> {
  const record = await recordOf(place, letter);
  return record === "unknown" ? record : (record?.state ?? "gone");
}
