import { useEffect, useState } from "preact/hooks";
import type { Filter } from "../src/api.js";
import { now } from "./clock.js";
import { conditions, fromLocal, lettersPath, toLocal, without } from "./filter.js";
import { CloseIcon, SearchIcon } from "./icons.js";
import { go } from "./router.js";

const QUICK: [words: string, ms: number][] = [
  ["1 h", 3_600_000],
  ["24 h", 86_400_000],
  ["7 d", 604_800_000],
  ["30 d", 2_592_000_000],
];

interface Props {
  filter: Filter;
  scopes: string[];
  /** Whether the texts of errors can be searched here. */
  textSearch: boolean;
}

/** What is typed is kept here until it is applied; then the address has it. */
export function FilterForm({ filter, scopes, textSearch }: Props) {
  const [draft, setDraft] = useState<Filter>(filter);
  const [more, setMore] = useState(() => needsMore(filter));
  const applied = JSON.stringify(filter);
  useEffect(() => {
    setDraft(filter);
    if (needsMore(filter)) setMore(true);
  }, [applied]);

  const apply = (next: Filter) => go(lettersPath(next), { scroll: false });
  const set = (name: keyof Filter, value: string | number | undefined) =>
    setDraft((before) => {
      const rest = without(before, name);
      return value === undefined || value === "" ? rest : { ...rest, [name]: value };
    });
  const text = (
    name: "scope" | "tenant" | "key" | "error" | "errorText",
    label: string,
    placeholder = "",
  ) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="text"
        value={draft[name] ?? ""}
        placeholder={placeholder}
        maxLength={name === "errorText" ? 200 : undefined}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  const time = (name: "firstFailedFrom" | "firstFailedBefore" | "diedFrom" | "diedBefore", label: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={toLocal(draft[name])}
        onChange={(event) => set(name, fromLocal(event.currentTarget.value))}
      />
    </label>
  );
  const number = (name: "minReplays" | "maxReplays", label: string) => (
    <label class="field short">
      <span>{label}</span>
      <input
        type="number"
        min={0}
        step={1}
        inputMode="numeric"
        value={draft[name] ?? ""}
        onInput={(event) => {
          const { value } = event.currentTarget;
          set(name, value === "" ? undefined : Math.max(0, Math.floor(Number(value))));
        }}
      />
    </label>
  );
  const quick = (
    from: "firstFailedFrom" | "diedFrom",
    before: "firstFailedBefore" | "diedBefore",
    label: string,
  ) => (
    <div class="quick">
      {QUICK.map(([words, ms]) => (
        <button
          key={words}
          type="button"
          aria-label={`${label}: last ${words}`}
          onClick={() => apply(without({ ...draft, [from]: Math.floor(now() - ms) }, before))}
        >
          {words}
        </button>
      ))}
    </div>
  );
  const named =
    scopes.includes(draft.scope ?? "") || draft.scope === undefined ? scopes : [draft.scope, ...scopes];

  return (
    <search class="panel filter">
      <form
        aria-label="Filter dead letters"
        onSubmit={(event) => {
          event.preventDefault();
          apply(draft);
        }}
      >
        <div class="filter-row">
          {textSearch && (
            <label class="field grow">
              <span>Search in errors</span>
              <span class="with-icon">
                <SearchIcon />
                <input
                  type="search"
                  value={draft.errorText ?? ""}
                  placeholder="In name, code or message"
                  maxLength={200}
                  autocomplete="off"
                  onInput={(event) => set("errorText", event.currentTarget.value)}
                />
              </span>
            </label>
          )}
          <label class="field">
            <span>Scope</span>
            <select
              value={draft.scope ?? ""}
              onChange={(event) =>
                apply({ ...without(draft, "scope"), ...part("scope", event.currentTarget.value) })
              }
            >
              <option value="">All scopes</option>
              {named.map((scope) => (
                <option key={scope} value={scope}>
                  {scope}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="primary">
            Apply
          </button>
          <button
            type="button"
            aria-expanded={more}
            aria-controls="more-filters"
            onClick={() => setMore(!more)}
          >
            {more ? "Fewer filters" : "More filters"}
          </button>
        </div>
        <div id="more-filters" class="filter-more" hidden={!more}>
          {text("error", "Error, exactly", "TypeError or ECONNRESET")}
          {text("key", "Key, exactly")}
          {text("tenant", "Tenant, exactly")}
          <div class="pair">
            {number("minReplays", "Replays from")}
            {number("maxReplays", "to")}
          </div>
          <fieldset class="range">
            <legend>Last failure</legend>
            {time("diedFrom", "From")}
            {time("diedBefore", "Before")}
            {quick("diedFrom", "diedBefore", "Last failure")}
          </fieldset>
          <fieldset class="range">
            <legend>First failure</legend>
            {time("firstFailedFrom", "From")}
            {time("firstFailedBefore", "Before")}
            {quick("firstFailedFrom", "firstFailedBefore", "First failure")}
          </fieldset>
        </div>
      </form>
      <Conditions filter={filter} apply={apply} />
    </search>
  );
}

function Conditions({ filter, apply }: { filter: Filter; apply(next: Filter): void }) {
  const all = conditions(filter);
  if (all.length === 0) return null;
  return (
    <ul class="conditions" aria-label="Filters in force">
      {all.map(({ name, words }) => (
        <li key={name}>
          <button type="button" class="chip" onClick={() => apply(without(filter, name))}>
            <bdi>{words}</bdi>
            <CloseIcon />
            <span class="hidden">: take this filter away</span>
          </button>
        </li>
      ))}
      {all.length > 1 && (
        <li>
          <button type="button" class="link" onClick={() => apply({})}>
            Clear all
          </button>
        </li>
      )}
    </ul>
  );
}

function part(name: keyof Filter, value: string): Filter {
  return value === "" ? {} : { [name]: value };
}

function needsMore(filter: Filter): boolean {
  return conditions(filter).some(({ name }) => name !== "scope" && name !== "errorText");
}
