import { HooklatchError } from "@hooklatch/core";

/** The code of the coded error that a call throws; what it threw instead, or that it threw nothing, otherwise. */
export function codeOf(call: () => unknown): string {
  try {
    call();
    return "nothing was thrown";
  } catch (error) {
    return HooklatchError.is(error) ? error.code : `another error: ${describe(error)}`;
  }
}

function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "one without a text";
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
