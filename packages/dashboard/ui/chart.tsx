/** Bars over time. The values can be had by mouse, by arrow keys and as a table. */
import { useState } from "preact/hooks";
import { hourOf, count as number } from "./words.js";

export interface Series {
  name: string;
  /** A class of the style sheet, which gives the colour. */
  look: string;
  values: number[];
}

interface Props {
  title: string;
  /** When each bar starts. */
  starts: number[];
  stepMs: number;
  series: Series[];
  /** Said where all values are 0. */
  none: string;
}

const HEIGHT = 96;
const STEP = 20;
const BAR = 14;

export function Chart({ title, starts, stepMs, series, none }: Props) {
  const [chosen, choose] = useState<number | undefined>(undefined);
  const sums = starts.map((_, step) => series.reduce((all, one) => all + (one.values[step] ?? 0), 0));
  const max = Math.max(1, ...sums);
  const total = sums.reduce((all, one) => all + one, 0);
  const said =
    chosen === undefined ? undefined : `${hours(starts, chosen, stepMs)}: ${values(series, chosen)}`;

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <p class="chart-said">{said ?? (total === 0 ? none : `Last 24 h: ${totals(series)}`)}</p>
      </figcaption>
      <div class="plot">
        <span class="plot-max" aria-hidden="true">
          {number(max)}
        </span>
        <svg viewBox={`0 0 ${starts.length * STEP} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {starts.map((at, step) => (
            <g key={at} class={chosen === step ? "chosen" : undefined}>
              <rect class="slot" x={step * STEP} y={0} width={STEP} height={HEIGHT} />
              <rect class="ground" x={step * STEP + 3} y={HEIGHT - 1} width={BAR} height={1} />
              {stack(series, step, max).map(({ look, y, height }) => (
                <rect key={look} class={look} x={step * STEP + 3} y={y} width={BAR} height={height} />
              ))}
            </g>
          ))}
        </svg>
        <input
          type="range"
          min={0}
          max={starts.length - 1}
          value={chosen ?? starts.length - 1}
          aria-label={`${title}: values by the hour`}
          aria-valuetext={`${hours(starts, chosen ?? starts.length - 1, stepMs)}: ${values(series, chosen ?? starts.length - 1)}`}
          onInput={(event) => choose(Number(event.currentTarget.value))}
          onFocus={() => choose((before) => before ?? starts.length - 1)}
          onBlur={() => choose(undefined)}
          onPointerMove={(event) => {
            const { left, width } = event.currentTarget.getBoundingClientRect();
            const step = Math.floor(((event.clientX - left) / width) * starts.length);
            choose(Math.min(starts.length - 1, Math.max(0, step)));
          }}
          onPointerLeave={(event) => {
            if (document.activeElement !== event.currentTarget) choose(undefined);
          }}
        />
      </div>
      <div class="plot-hours" aria-hidden="true">
        <span>{hourOf(starts[0] ?? 0)}</span>
        <span>{hourOf(starts[Math.floor(starts.length / 2)] ?? 0)}</span>
        <span>now</span>
      </div>
      {series.length > 1 && (
        <ul class="legend">
          {series.map((one) => (
            <li key={one.name}>
              <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
                <rect class={one.look} width="10" height="10" rx="2" />
              </svg>
              {one.name}
            </li>
          ))}
        </ul>
      )}
      <details class="chart-table">
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Hour</th>
              {series.map((one) => (
                <th key={one.name} scope="col" class="number">
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {starts.map((at, step) => (
              <tr key={at}>
                <th scope="row">{hours(starts, step, stepMs)}</th>
                {series.map((one) => (
                  <td key={one.name} class="number">
                    {number(one.values[step] ?? 0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function stack(series: Series[], step: number, max: number) {
  let top = HEIGHT;
  return series.flatMap(({ look, values }) => {
    const value = values[step] ?? 0;
    if (value <= 0) return [];
    // One among thousands is still seen.
    const height = Math.max(3, (value / max) * (HEIGHT - 6));
    top -= height;
    return [{ look, y: Math.max(0, top), height }];
  });
}

function hours(starts: number[], step: number, stepMs: number): string {
  const at = starts[step] ?? 0;
  return `${hourOf(at)} to ${step === starts.length - 1 ? "now" : hourOf(at + stepMs)}`;
}

function values(series: Series[], step: number): string {
  return series.map((one) => `${number(one.values[step] ?? 0)} ${one.name.toLowerCase()}`).join(", ");
}

function totals(series: Series[]): string {
  return series
    .map((one) => `${number(one.values.reduce((all, value) => all + value, 0))} ${one.name.toLowerCase()}`)
    .join(", ");
}
