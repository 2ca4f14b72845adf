// Series over time on a canvas, with a legend that also switches series off.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import type { AlignedSeries } from "../series.ts";
import { colours } from "../theme.ts";

/** The most series of a chart: that many lines differ by their colour and their dashes. */
export const maxSeries = 8;

interface ChartProps {
  readonly title: string;
  readonly names: readonly string[];
  readonly data: AlignedSeries;
  readonly format: (value: number) => string;
  /** Charts with the same name move their cursors together. */
  readonly cursor: string;
}

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [10, 3, 2, 3]];

/** Dashes of a series: its second sign beside the colour. */
const dashOf = (index: number): number[] => [...(dashes[index % dashes.length] ?? [])];

/** The colour that a variable of the style sheet has in this theme. */
const colourOf = (element: HTMLElement, variable: string): string => {
  const probe = element.ownerDocument.createElement("span");
  probe.style.color = `var(--${variable})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

const clockText = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const height = 170;

/** The points without a neighbour: a line alone would not show them. */
const lonely: UPlot.Series.Points.Filter = ({ data }, series) => {
  const values = data[series] ?? [];
  return [...values.keys()].filter(
    (index) =>
      (values[index] ?? null) !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null,
  );
};

type Drawing = Pick<ChartProps, "names" | "format" | "cursor"> & {
  readonly onCursor: (index: number | undefined) => void;
};

const optionsOf = (box: HTMLElement, { names, format, cursor, onCursor }: Drawing): UPlot.Options => {
  const axis = {
    stroke: colourOf(box, "muted"),
    grid: { stroke: colourOf(box, "line"), width: 1 },
    ticks: { show: false },
  };
  const font = `11px ${getComputedStyle(box).fontFamily}`;
  return {
    width: box.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: cursor }, points: { size: 6 } },
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.08, Number.MIN_VALUE)] } },
    axes: [
      { ...axis, font, size: 26, space: 70, values: (_, splits) => splits.map(clockText) },
      { ...axis, font, size: 62, space: 34, values: (_, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: colourOf(box, `series-${(index % maxSeries) + 1}`),
        dash: dashOf(index),
        width: 1.75,
        points: { show: true, size: 4, filter: lonely },
      })),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onCursor(idx ?? undefined)] },
  };
};

const dataOf = ({ times, values }: AlignedSeries): UPlot.AlignedData => [
  times.map((time) => time / 1000),
  ...values.map((series) => [...series]),
];

const useDrawing = (props: ChartProps, hidden: ReadonlySet<string>, at: Signal<number | undefined>) => {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const { names, data, format, cursor } = props;
  const theme = colours.value;
  const nameText = names.join("\n");
  // The drawing begins anew for other names and colours; data are set below.
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const onCursor = (index: number | undefined): void => {
      at.value = index;
    };
    const drawn = new UPlot(optionsOf(element, { names, format, cursor, onCursor }), dataOf(data), element);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [nameText, theme, format, cursor, at]);
  useEffect(() => {
    plot.current?.setData(dataOf(data));
  }, [data]);
  // A drawing that began anew shows all series.
  useEffect(() => {
    names.forEach((name, index) => {
      if (plot.current?.series[index + 1]?.show !== !hidden.has(name))
        plot.current?.setSeries(index + 1, { show: !hidden.has(name) });
    });
  }, [hidden, nameText, theme]);
  return box;
};

const LegendLine = ({ index }: { readonly index: number }) => (
  <svg
    class={`legend-line series-${(index % maxSeries) + 1}`}
    viewBox="0 0 22 4"
    width="22"
    height="4"
    aria-hidden="true"
  >
    <path d="M0 2H22" stroke-dasharray={dashOf(index).join(" ")} />
  </svg>
);

/** Lines over time. The table beside the chart has the same numbers for those who do not see the drawing. */
export const Chart = (props: ChartProps) => {
  const { title, names, data, format } = props;
  const hidden = useSignal<ReadonlySet<string>>(new Set());
  const at = useSignal<number | undefined>(undefined);
  const box = useDrawing(props, hidden.value, at);
  const place = at.value ?? data.times.length - 1;
  const time = data.times[place];
  const toggle = (name: string): void => {
    const next = new Set(hidden.value);
    if (!next.delete(name)) next.add(name);
    hidden.value = next;
  };
  return (
    <figure class="chart">
      <figcaption class="chart-head">
        <span class="chart-title">{title}</span>
        {time !== undefined && (
          <span class="muted">{new Date(time).toLocaleTimeString(undefined, { hourCycle: "h23" })}</span>
        )}
      </figcaption>
      <div class="chart-box" ref={box} role="img" aria-label={`${title} of ${names.join(", ")}`} />
      <div class="legend">
        {names.map((name, index) => {
          const value = data.values[index]?.[place] ?? null;
          return (
            <button
              key={name}
              type="button"
              class="legend-entry"
              aria-pressed={!hidden.value.has(name)}
              onClick={() => toggle(name)}
            >
              <LegendLine index={index} />
              <span class="legend-name">{name}</span>
              <span class="legend-value">{value === null ? "–" : format(value)}</span>
            </button>
          );
        })}
      </div>
    </figure>
  );
};
