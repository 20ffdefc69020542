/** Which lines an edit takes away and adds. */
export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
}

const MAX_CELLS = 4_000_000;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end])
    end++;
  const lines = (kind: DiffLine["kind"], texts: string[]) => texts.map((text) => ({ kind, text }));
  return [
    ...lines("same", a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end), lines),
    ...lines("same", a.slice(a.length - end)),
  ];
}

/** The longest common subsequence; where that is too much work, all gone and all new. */
function middle(
  a: string[],
  b: string[],
  lines: (kind: DiffLine["kind"], texts: string[]) => DiffLine[],
): DiffLine[] {
  if (a.length === 0 || b.length === 0 || (a.length + 1) * (b.length + 1) > MAX_CELLS) {
    return [...lines("gone", a), ...lines("new", b)];
  }
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: "same", text: a[i] ?? "" });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      out.push({ kind: "gone", text: a[i++] ?? "" });
    } else out.push({ kind: "new", text: b[j++] ?? "" });
  }
  return out;
}

/** Only what changed, and a few lines around it. */
export function around(diff: DiffLine[], context = 2): (DiffLine | "gap")[] {
  const near = new Uint8Array(diff.length);
  diff.forEach((line, index) => {
    if (line.kind !== "same") near.fill(1, Math.max(0, index - context), index + context + 1);
  });
  const out: (DiffLine | "gap")[] = [];
  diff.forEach((line, index) => {
    if (near[index]) out.push(line);
    else if (out.at(-1) !== "gap") out.push("gap");
  });
  return out;
}
