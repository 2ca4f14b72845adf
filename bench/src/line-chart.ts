// Draws line charts as SVG. A chart has a background of its own and follows the reader's colour scheme, so that it can be
// read on light and on dark pages. Each line has its label at its end instead of in a legend.

/** The points and the label of a line. Points whose value is not finite are left out. */
export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isDashed?: boolean;
  /** Number of the colour, from 0 to 5. Default: the position of the line. */
  readonly colour?: number;
}

/** An axis. Its label names the unit. */
export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
}

/** A chart with at most six lines. */
export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const [width, height] = [760, 400];
const plot = { left: 76, right: 580, top: 48, bottom: 344 } as const;
/** The distance between two labels, so that they do not overlap. */
const labelStep = 17;

const style = `
  .back { fill: #ffffff; } text { fill: #24292f; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; }
  .title { font-size: 15px; font-weight: 600; } .tick { fill: #57606a; font-size: 12px; } .grid { stroke: #d8dee4; }
  .line { fill: none; stroke-width: 2; } .dot { stroke: none; } .leader { fill: none; stroke-width: 1; }
  .c0 { --c: #0b5cad; } .c1 { --c: #a84300; } .c2 { --c: #0b7261; } .c3 { --c: #8a2da5; } .c4 { --c: #6e5a00; } .c5 { --c: #b3134b; }
  .line, .leader { stroke: var(--c); } .dot, .label { fill: var(--c); } .label { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } text { fill: #e6edf3; } .tick { fill: #9da7b3; } .grid { stroke: #30363d; }
    .c0 { --c: #6cb6ff; } .c1 { --c: #ffa657; } .c2 { --c: #56d4bc; } .c3 { --c: #dcbdfb; } .c4 { --c: #e3c94b; } .c5 { --c: #ff8fb1; }
    .label { fill: var(--c); }
  }`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const place = (value: number): string => value.toFixed(1);

/** Powers of ten with their triples, from the one below `low` to the one above `high`. */
const logTicks = (low: number, high: number): number[] => {
  const decades = Array.from({ length: 13 }, (_, index) => 10 ** (index - 3));
  const all = decades.flatMap((decade) => [decade, 3 * decade]);
  const first = all.findLastIndex((tick) => tick <= low);
  const last = all.findIndex((tick) => tick >= high);
  return all.slice(Math.max(0, first), last + 1);
};

/** Round numbers from 0 to the one above `high`: at most eight. */
const linearTicks = (high: number): number[] => {
  const magnitude = 10 ** Math.floor(Math.log10(high));
  const step = [0.1, 0.2, 0.5, 1, 2].map((factor) => factor * magnitude).find((size) => high / size <= 7) ?? high;
  return Array.from({ length: Math.ceil(high / step - 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(3)));
};

interface ScaledAxis {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
}

/** Maps the values to the places from `start` to `end`. Without values the axis shows 1 to 10. */
const scaled = ({ scale }: Axis, values: readonly number[], start: number, end: number): ScaledAxis => {
  const shown = values.length > 0 ? values : [1, 10];
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const ticks = scale === "log" ? logTicks(low, high) : linearTicks(high);
  const measure = scale === "log" ? Math.log10 : (value: number): number => value;
  const [from, to] = [measure(ticks[0] ?? 0), measure(ticks.at(-1) ?? 1)];
  return { ticks, at: (value) => start + ((measure(value) - from) / (to - from || 1)) * (end - start) };
};

/** Moves places apart until neighbours are a step apart. The places keep their order, and stay above `bottom`. */
const spreadOut = (places: readonly number[], bottom: number): number[] => {
  const order = places.map((_, index) => index).sort((one, other) => (places[one] ?? 0) - (places[other] ?? 0));
  const moved = [...places];
  let free = Number.NEGATIVE_INFINITY;
  for (const index of order) {
    moved[index] = Math.max(moved[index] ?? 0, free);
    free = (moved[index] ?? 0) + labelStep;
  }
  let limit = bottom;
  for (const index of order.reverse()) {
    moved[index] = Math.min(moved[index] ?? 0, limit);
    limit = (moved[index] ?? 0) - labelStep;
  }
  return moved;
};

const axisLines = (chart: LineChart, x: ScaledAxis, y: ScaledAxis): string[] => [
  ...x.ticks.flatMap((tick) => [
    `<line class="grid" x1="${place(x.at(tick))}" x2="${place(x.at(tick))}" y1="${plot.top}" y2="${plot.bottom}"/>`,
    `<text class="tick" text-anchor="middle" x="${place(x.at(tick))}" y="${plot.bottom + 18}">${tick.toLocaleString("en")}</text>`,
  ]),
  ...y.ticks.flatMap((tick) => [
    `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${place(y.at(tick))}" y2="${place(y.at(tick))}"/>`,
    `<text class="tick" text-anchor="end" x="${plot.left - 8}" y="${place(y.at(tick) + 4)}">${tick.toLocaleString("en")}</text>`,
  ]),
  `<text text-anchor="middle" x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 42}">${escaped(chart.x.label)}</text>`,
  `<text text-anchor="middle" transform="translate(18 ${(plot.top + plot.bottom) / 2}) rotate(-90)">${escaped(chart.y.label)}</text>`,
];

const seriesLines = ({ label, isDashed }: Series, colour: number, points: readonly (readonly [number, number])[]) => [
  `<g class="c${colour}"><title>${escaped(label)}</title>`,
  `<polyline class="line"${isDashed ? ' stroke-dasharray="6 4"' : ""} points="${points.map((point) => point.map(place).join(",")).join(" ")}"/>`,
  ...points.map(([x, y]) => `<circle class="dot" cx="${place(x)}" cy="${place(y)}" r="3"/>`),
  "</g>",
];

const labelLines = (label: string, colour: number, [x, y]: readonly [number, number], labelY: number): string[] => [
  `<g class="c${colour}"><polyline class="leader" points="${place(x + 4)},${place(y)} ${plot.right + 14},${place(labelY)}"/>`,
  `<text class="label" x="${plot.right + 18}" y="${place(labelY + 4)}">${escaped(label)}</text></g>`,
];

/** Returns the chart as an SVG document. */
export const lineChart = (chart: LineChart): string => {
  const finite = chart.series.map(({ points }) => points.filter((point) => point.every(Number.isFinite)));
  const x = scaled(
    chart.x,
    finite.flat().map(([value]) => value),
    plot.left,
    plot.right,
  );
  const y = scaled(
    chart.y,
    finite.flat().map(([, value]) => value),
    plot.bottom,
    plot.top,
  );
  const placed = finite.map((points) => points.map(([one, other]) => [x.at(one), y.at(other)] as const));
  const ends = placed.map((points) => points.at(-1) ?? ([plot.right, plot.bottom] as const));
  const labelYs = spreadOut(
    ends.map(([, end]) => end),
    plot.bottom,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(chart.title)}</title><style>${style}\n</style>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    `<text class="title" x="${plot.left}" y="28">${escaped(chart.title)}</text>`,
    ...axisLines(chart, x, y),
    ...chart.series.flatMap((series, index) => seriesLines(series, series.colour ?? index, placed[index] ?? [])),
    ...chart.series.flatMap(({ label, colour }, index) =>
      labelLines(label, colour ?? index, ends[index] ?? [0, 0], labelYs[index] ?? plot.bottom),
    ),
    "</svg>",
    "",
  ].join("\n");
};
