import { useEffect, useRef } from "preact/hooks";
import type { LetterSummary } from "../src/api.js";
import { Badge } from "./badge.js";
import { Link } from "./link.js";
import { Short } from "./text.js";
import { Ago, Due } from "./time.js";
import { visible } from "./visible.js";
import { count } from "./words.js";

interface Props {
  letters: LetterSummary[];
  selected: ReadonlySet<string>;
  onSelect: ((ids: ReadonlySet<string>) => void) | undefined;
}

/** Letters, newest arrival first: a table, cards on a phone. */
export function LetterTable({ letters, selected, onSelect }: Props) {
  const all = useRef<HTMLInputElement>(null);
  const chosen = letters.filter((letter) => selected.has(letter.id)).length;
  const some = chosen > 0 && chosen < letters.length;
  useEffect(() => {
    if (all.current) all.current.indeterminate = some;
  }, [some]);
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect?.(next);
  };
  return (
    <table class="cards letters">
      <thead>
        <tr>
          {onSelect && (
            <td class="check">
              <label>
                <input
                  ref={all}
                  type="checkbox"
                  checked={chosen === letters.length}
                  aria-label="Select all on this page"
                  onChange={() =>
                    onSelect(chosen === letters.length ? new Set() : new Set(letters.map((one) => one.id)))
                  }
                />
                <span class="phone-only">Select all on this page</span>
              </label>
            </td>
          )}
          <th scope="col">Error</th>
          <th scope="col">Scope</th>
          <th scope="col">Key</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col" class="number">
            Replays
          </th>
          <th scope="col">Last failure</th>
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.id} class={selected.has(letter.id) ? "chosen" : undefined}>
            {onSelect && (
              <td class="check">
                <label>
                  <input
                    type="checkbox"
                    checked={selected.has(letter.id)}
                    aria-label={`Select ${visible(letter.error.name)}, key ${visible(letter.key)}`}
                    onChange={() => toggle(letter.id)}
                  />
                </label>
              </td>
            )}
            <th scope="row" class="error-cell">
              <Link to={`/letters/${encodeURIComponent(letter.id)}`} class="error-link">
                <ErrorName error={letter.error} />
              </Link>
              {letter.state !== "dead" && (
                <Badge state={letter.state}>
                  {letter.state === "waiting" && letter.dueAt !== undefined && (
                    <>
                      , <Due at={letter.dueAt} />
                    </>
                  )}
                </Badge>
              )}
              {letter.edited && <span class="badge plain">edited</span>}
              <span class="message">
                <Short value={letter.error.message} limit={200} />
              </span>
            </th>
            <td data-label="Scope">
              <Short value={letter.scope} limit={48} />
            </td>
            <td data-label="Key" class="key-cell">
              <code title={visible(letter.key)}>
                <Short value={letter.key} limit={38} />
              </code>
              {letter.tenant !== undefined && (
                <span class="quiet small">
                  <Short value={letter.tenant} limit={36} />
                </span>
              )}
            </td>
            <td class="number" data-label="Attempts">
              {count(letter.attempts)}
            </td>
            <td class="number" data-label="Replays">
              <span class={letter.replays === 0 ? "quiet" : undefined}>{count(letter.replays)}</span>
            </td>
            <td data-label="Last failure" class="when">
              <Ago at={letter.diedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ErrorName({ error }: { error: LetterSummary["error"] }) {
  return (
    <>
      <Short value={error.name || "Error"} limit={80} />
      {error.code !== undefined && error.code !== error.name && (
        <span class="code">
          <Short value={error.code} limit={60} />
        </span>
      )}
    </>
  );
}
