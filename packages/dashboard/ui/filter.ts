/** The filter of letters: in the address, in words, and as query parameters. */
import { FILTER_NUMBERS, FILTER_TEXTS, type Filter } from "../src/api.js";
import { query } from "./query.js";
import { visible } from "./visible.js";
import { clockTime } from "./words.js";

export function readFilter(search: string): { filter: Filter; cursor: string | undefined } {
  const parameters = new URLSearchParams(search);
  const filter: Filter = {};
  for (const name of FILTER_TEXTS) {
    const value = parameters.get(name);
    if (value) filter[name] = value;
  }
  for (const name of FILTER_NUMBERS) {
    const value = parameters.get(name);
    if (value && Number.isFinite(Number(value)) && Number(value) >= 0) filter[name] = Number(value);
  }
  return { filter, cursor: parameters.get("cursor") || undefined };
}

export function lettersPath(filter: Filter, cursor?: string): string {
  return `/letters${query({ ...filter, cursor })}`;
}

const NAMES: Record<keyof Filter, string> = {
  scope: "Scope",
  tenant: "Tenant",
  key: "Key",
  error: "Error",
  errorText: "Text",
  firstFailedFrom: "First failed from",
  firstFailedBefore: "First failed before",
  diedFrom: "Last failed from",
  diedBefore: "Last failed before",
  arrivedFrom: "Arrived from",
  arrivedBefore: "Arrived before",
  minReplays: "Replays at least",
  maxReplays: "Replays at most",
};

/** Each condition in words, to be shown and taken away. */
export function conditions(filter: Filter): { name: keyof Filter; words: string }[] {
  return (Object.keys(NAMES) as (keyof Filter)[]).flatMap((name) => {
    const value = filter[name];
    if (value === undefined) return [];
    const shown =
      typeof value === "string" ? visible(value) : /From|Before/.test(name) ? clockTime(value) : value;
    return [{ name, words: `${NAMES[name]}: ${shown}` }];
  });
}

export function without(filter: Filter, name: keyof Filter): Filter {
  const { [name]: _, ...rest } = filter;
  return rest;
}

/** For `<input type="datetime-local">`, in the time zone of who looks. */
export function toLocal(at: number | undefined): string {
  if (at === undefined || !Number.isFinite(at) || at > 8.64e15) return "";
  const date = new Date(at);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${String(date.getFullYear()).padStart(4, "0")}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

export function fromLocal(text: string): number | undefined {
  const at = text === "" ? Number.NaN : new Date(text).getTime();
  return Number.isNaN(at) || at < 0 ? undefined : at;
}
