/** Tables without lines, as wide as the terminal at most. */
import Table from "cli-table3";
import { harmless } from "./harmless.js";
import { charactersOf, cut, widthOf } from "./width.js";

export interface Column {
  title: string;
  /** Never narrower than this. Absent: it is never cut. */
  least?: number;
  right?: boolean;
}
export type Cell = string | { text: string; paint: (text: string) => string };

const GAP = 2;
const NO_LINES = Object.fromEntries(
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle"
    .split(" ")
    .map((name) => [name, ""]),
);

/** Every cell is made harmless here. Columns that have a `least` are cut, the widest first, until the table fits. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paintTitle: (text: string) => string,
): string {
  const titles = columns.map(({ title }): Cell => ({ text: title, paint: paintTitle }));
  const all = [titles, ...rows].map((row) => row.map(readied));
  const widths = fitted(
    columns,
    columns.map((_, n) => Math.max(...all.map((row) => widthOf(row[n]?.text ?? "")))),
    width,
  );
  const standIns = createStandIns();
  const drawn = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": GAP },
    colAligns: columns.map(({ right }) => (right ? "right" : "left")),
    colWidths: widths.map((one) => one + GAP),
  });
  drawn.push(
    ...all.map((row) => row.map(({ text, paint }, n) => paint(standIns.put(cut(text, widths[n] ?? 0))))),
  );
  const lines = drawn.toString().split("\n");
  return lines.map((line) => standIns.restore(line).trimEnd()).join("\n");
}

function readied(cell: Cell): { text: string; paint: (text: string) => string } {
  const { text, paint } = typeof cell === "string" ? { text: cell, paint: (same: string) => same } : cell;
  return { text: harmless(text), paint };
}

function fitted(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, one) => sum + one + GAP, -GAP);
  while (total() > width) {
    let widest = -1;
    for (const [n, { least }] of columns.entries()) {
      const one = widths[n] ?? 0;
      if (least !== undefined && one > least && one > (widths[widest] ?? 0)) widest = n;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/**
 * cli-table3 counts by an old edition of Unicode. So characters beyond ASCII are stood in for by ones of which it counts one column each,
 * as many as the character is wide.
 */
function createStandIns() {
  const FILLER = "\ue000";
  const known = new Map<string, string>();
  const kept = new Map<string, string>([[FILLER, ""]]);
  function standInFor(text: string): string {
    const there = known.get(text);
    if (there !== undefined) return there;
    const code = kept.size < 6_000 ? 0xe000 + kept.size : 0xf0000 + kept.size;
    const standIn = String.fromCodePoint(code);
    known.set(text, standIn);
    kept.set(standIn, text);
    return standIn;
  }
  return {
    put(text: string): string {
      if (/^[\u0020-\u007e]*$/.test(text)) return text;
      const pieces: { text: string; width: number }[] = [];
      for (const character of charactersOf(text)) {
        const before = pieces.at(-1);
        // Marks alone take no column of their own: they go with what is before them.
        if (character.width === 0 && before !== undefined) before.text += character.text;
        else pieces.push({ ...character });
      }
      return pieces
        .map((piece) => (piece.width === 0 ? "" : standInFor(piece.text) + FILLER.repeat(piece.width - 1)))
        .join("");
    },
    restore: (line: string): string =>
      line.replace(/[\ue000-\uf8ff\u{f0000}-\u{ffffd}]/gu, (char) => kept.get(char) ?? char),
  };
}
