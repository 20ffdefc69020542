/** Text that came from the server. Nothing of it is ever markup. */
import { useState } from "preact/hooks";
import { pieces } from "./visible.js";
import { count } from "./words.js";

export function Text({ value, lines = false }: { value: string; lines?: boolean }) {
  const found = pieces(value, lines);
  return (
    <bdi>
      {found.length === 1 && found[0]?.hidden === false
        ? found[0].text
        : found.map((piece) => (piece.hidden ? <span class="token">{piece.text}</span> : piece.text))}
    </bdi>
  );
}

interface LongProps {
  value: string;
  /** Characters shown at first. */
  limit?: number;
  lines?: boolean;
}

/** Cut, with a button for the rest. */
export function Long({ value, limit = 300, lines = false }: LongProps) {
  const [all, setAll] = useState(false);
  if (value.length <= limit * 1.2) return <Text value={value} lines={lines} />;
  return (
    <>
      <Text value={all ? value : `${cut(value, limit)}…`} lines={lines} />{" "}
      <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
        {all ? "Show less" : `Show more (${count(value.length)} characters)`}
      </button>
    </>
  );
}

/** Cut without a button, for lists. */
export function Short({ value, limit = 160 }: { value: string; limit?: number }) {
  return <Text value={value.length > limit ? `${cut(value, limit)}…` : value} />;
}

/** Never through the middle of a character. */
function cut(value: string, limit: number): string {
  const end = /[\ud800-\udbff]/.test(value[limit - 1] ?? "") ? limit - 1 : limit;
  return value.slice(0, end);
}
