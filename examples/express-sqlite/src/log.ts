/** One line for each thing that happens to an event. Hooklatch itself prints nothing. */
import type { IdempotencyEvents } from "@hooklatch/core";

export const listeners: Partial<IdempotencyEvents> = {
  claimed({ key, attempt, recovered, replay }) {
    const why = recovered ? ", recovered" : replay ? ", replayed" : "";
    console.log(`run       ${key}, attempt ${attempt}${why}`);
  },
  retried({ key, attempt, delayMs, error }) {
    console.log(
      `failed    ${key}, attempt ${attempt}, again in ${Math.round(delayMs)} ms: ${firstLine(error)}`,
    );
  },
  completed: ({ key, attempt }) => console.log(`completed ${key}, attempt ${attempt}`),
  replayed: ({ key }) => console.log(`duplicate ${key}, answered with the stored response`),
  dead: ({ key, deadLetterId }) => console.log(`dead      ${key}, letter ${deadLetterId}`),
  leaseLost: ({ key }) => console.log(`lost      ${key}, its lease ran out`),
  rejected: ({ status, code, error }) => console.log(`rejected  ${status} ${code}: ${firstLine(error)}`),
  storeError: ({ operation, error }) => console.error(`store     ${operation}: ${error}`),
  sinkError: ({ key, error }) => console.error(`sink      ${key}: ${error}`),
};

/** Stripe's errors explain themselves at length. */
function firstLine(error: unknown): string {
  return String(error).split("\n", 1).join();
}
