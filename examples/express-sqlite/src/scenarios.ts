/** Trouble on demand, for the demo and for playing: an order's note says what goes wrong. The app knows nothing of it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext } from "@hooklatch/core";
import type { Shop } from "./shop.js";

type Trouble = "fail-twice" | "slow" | "hang-before" | "hang-after";

/** Longer than the app lets a sender wait. */
export const SLOW_MS = 3_500;

export function withTrouble(shop: Shop): Shop {
  return {
    ...shop,
    async fulfil(order, context) {
      const trouble = order.note as Trouble | undefined;
      if (trouble === "fail-twice" && context.attempt <= 2) throw new Error("The warehouse does not answer.");
      if (trouble === "slow") await sleep(SLOW_MS);
      if (trouble === "hang-before") await hangOnce(context);
      await shop.fulfil(order, context);
      if (trouble === "hang-after") await hangOnce(context);
    },
  };
}

/** Says so and waits, in the first attempt, for somebody to kill this process. */
async function hangOnce({ key, attempt, signal }: HandlerContext): Promise<void> {
  if (attempt > 1) return;
  console.log(`hanging: ${key}`);
  await sleep(2 ** 31 - 1, undefined, { signal });
}
