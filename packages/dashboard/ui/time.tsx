import { useNow } from "./clock.js";
import { absolute, ago, roughly } from "./words.js";

/** "3 min ago", with the whole date and time on hover and for machines. */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  return (
    <time dateTime={iso(at)} title={absolute(at)}>
      {ago(at, now)}
    </time>
  );
}

export function Exactly({ at }: { at: number }) {
  return <time dateTime={iso(at)}>{absolute(at)}</time>;
}

/** "due in 12 s", "3 min overdue". */
export function Due({ at }: { at: number }) {
  const now = useNow(1000);
  const late = now - at;
  return (
    <time dateTime={iso(at)} title={absolute(at)}>
      {late < 1000 && late > -1000
        ? "due now"
        : late > 0
          ? `${roughly(late)} overdue`
          : `due in ${roughly(late)}`}
    </time>
  );
}

function iso(at: number): string | undefined {
  try {
    return new Date(at).toISOString();
  } catch {
    return undefined;
  }
}
