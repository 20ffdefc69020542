/** A small difference of two texts, line by line. */

/** Lines that are compared; of longer texts only what is the same at both ends is left out. */
const MOST = 1_500;
const CONTEXT = 2;

export type DiffLine = { kind: " " | "-" | "+"; text: string } | { kind: "…"; text: "" };

export function lineDiff(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (line: string): DiffLine => ({ kind: " ", text: line });
  return withContext([
    ...a.slice(0, head).map(same),
    ...changed(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ]);
}

function changed(a: readonly string[], b: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: "-", text });
  const added = (text: string): DiffLine => ({ kind: "+", text });
  if (a.length > MOST || b.length > MOST) return [...a.map(removed), ...b.map(added)];
  // The longest common subsequence: `common(i, j)` is its length from there on.
  const across = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * across);
  const common = (i: number, j: number): number => lengths[i * across + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * across + j] =
        a[i] === b[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: " ", text: a[i] ?? "" });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common(i + 1, j) >= common(i, j + 1))) {
      lines.push(removed(a[i++] ?? ""));
    } else {
      lines.push(added(b[j++] ?? ""));
    }
  }
  return lines;
}

function withContext(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Set<number>();
  for (const [n, { kind }] of lines.entries())
    if (kind !== " ") for (let at = n - CONTEXT; at <= n + CONTEXT; at++) near.add(at);
  const shown: DiffLine[] = [];
  for (const [n, line] of lines.entries()) {
    if (near.has(n)) shown.push(line);
    else if (shown.at(-1)?.kind !== "…") shown.push({ kind: "…", text: "" });
  }
  return shown;
}
