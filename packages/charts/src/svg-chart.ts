// Draws line charts as SVG. A chart has a background of its own and follows the reader's colour scheme, so that it can be
// read on light and on dark pages. Each line has its label at its end instead of in a legend.

import { colours, type LineChart, type Point } from "./chart.ts";
import { type Plot, plotOf } from "./scale.ts";

const [width, height] = [760, 400];
const frame = { left: 76, right: 580, top: 48, bottom: 344 } as const;
/** The distance between two labels, so that they do not overlap. */
const labelStep = 17;

const style = `
  .back { fill: #ffffff; } text { fill: #24292f; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; }
  .title { font-size: 15px; font-weight: 600; } .tick { fill: #57606a; font-size: 12px; } .grid { stroke: #d8dee4; }
  .mark { stroke: #57606a; stroke-dasharray: 2 3; }
  .line { fill: none; stroke-width: 2; } .dot { stroke: none; } .leader { fill: none; stroke-width: 1; }
  .c0 { --c: #0b5cad; } .c1 { --c: #a84300; } .c2 { --c: #0b7261; } .c3 { --c: #8a2da5; } .c4 { --c: #6e5a00; } .c5 { --c: #b3134b; }
  .line, .leader { stroke: var(--c); } .dot, .label { fill: var(--c); } .label { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } text { fill: #e6edf3; } .tick { fill: #9da7b3; } .grid { stroke: #30363d; } .mark { stroke: #9da7b3; }
    .c0 { --c: #6cb6ff; } .c1 { --c: #ffa657; } .c2 { --c: #56d4bc; } .c3 { --c: #dcbdfb; } .c4 { --c: #e3c94b; } .c5 { --c: #ff8fb1; }
    .label { fill: var(--c); }
  }`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const place = (value: number): string => value.toFixed(1);

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

const axisLines = (chart: LineChart, { x, y }: Plot): string[] => [
  ...x.ticks.flatMap((tick) => [
    `<line class="grid" x1="${place(x.at(tick))}" x2="${place(x.at(tick))}" y1="${frame.top}" y2="${frame.bottom}"/>`,
    `<text class="tick" text-anchor="middle" x="${place(x.at(tick))}" y="${frame.bottom + 18}">${tick.toLocaleString("en")}</text>`,
  ]),
  ...y.ticks.flatMap((tick) => [
    `<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${place(y.at(tick))}" y2="${place(y.at(tick))}"/>`,
    `<text class="tick" text-anchor="end" x="${frame.left - 8}" y="${place(y.at(tick) + 4)}">${tick.toLocaleString("en")}</text>`,
  ]),
  `<text text-anchor="middle" x="${(frame.left + frame.right) / 2}" y="${frame.bottom + 42}">${escaped(chart.x.label)}</text>`,
  `<text text-anchor="middle" transform="translate(18 ${(frame.top + frame.bottom) / 2}) rotate(-90)">${escaped(chart.y.label)}</text>`,
];

const markLines = ({ marks }: Plot): string[] =>
  marks.flatMap(({ at, label }) => [
    `<line class="mark" x1="${place(at)}" x2="${place(at)}" y1="${frame.top - 8}" y2="${frame.bottom}"/>`,
    `<text class="tick" x="${place(at + 4)}" y="${frame.top - 5}">${escaped(label)}</text>`,
  ]);

/** How a line looks. */
interface Look {
  readonly label: string;
  readonly isDashed: boolean;
  readonly colour: number;
}

/** Lines of the same colour differ, because a line without a colour of its own is dashed from the seventh on. */
const looksOf = ({ series }: LineChart): readonly Look[] =>
  series.map(({ label, isDashed, colour }, index) => ({
    label,
    isDashed: isDashed ?? (colour === undefined && index >= colours),
    colour: (colour ?? index) % colours,
  }));

const seriesLines = ({ label, isDashed, colour }: Look, points: readonly Point[]): string[] => [
  `<g class="c${colour}"><title>${escaped(label)}</title>`,
  `<polyline class="line"${isDashed ? ' stroke-dasharray="6 4"' : ""} points="${points.map((point) => point.map(place).join(",")).join(" ")}"/>`,
  ...points.map(([x, y]) => `<circle class="dot" cx="${place(x)}" cy="${place(y)}" r="3"/>`),
  "</g>",
];

const labelLines = ({ label, colour }: Look, [x, y]: Point, labelY: number): string[] => [
  `<g class="c${colour}"><polyline class="leader" points="${place(x + 4)},${place(y)} ${frame.right + 14},${place(labelY)}"/>`,
  `<text class="label" x="${frame.right + 18}" y="${place(labelY + 4)}">${escaped(label)}</text></g>`,
];

/** Returns the chart as an SVG document. */
export const svgChart = (chart: LineChart): string => {
  const plot = plotOf(chart, frame);
  const looks = looksOf(chart);
  const ends = plot.lines.map((points) => points.at(-1) ?? ([frame.right, frame.bottom] as const));
  const labelYs = spreadOut(
    ends.map(([, end]) => end),
    frame.bottom,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(chart.title)}</title><style>${style}\n</style>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    `<text class="title" x="${frame.left}" y="28">${escaped(chart.title)}</text>`,
    ...axisLines(chart, plot),
    ...markLines(plot),
    ...looks.flatMap((look, index) => seriesLines(look, plot.lines[index] ?? [])),
    ...looks.flatMap((look, index) => labelLines(look, ends[index] ?? [0, 0], labelYs[index] ?? frame.bottom)),
    "</svg>",
    "",
  ].join("\n");
};
