// Draws line charts as text for a terminal. Each line has a letter and a colour. The letter is at the end of the line, and
// in places along the line, so that the chart can be read without colours.

import { colours, type LineChart } from "./chart.ts";
import { type Cell, drawn, type Grid } from "./dots.ts";
import { type Plot, plotOf } from "./scale.ts";
import { signsOf } from "./signs.ts";
import type { Terminal } from "./terminal.ts";

const rows = 14;

/** The characters of the frame, and the number of dots of a cell. */
const alphabets = {
  braille: {
    dotsAcross: 2,
    dotsDown: 4,
    side: "│",
    tick: "┤",
    corner: "└",
    base: "─",
    down: "┬",
    mark: "▼",
    trace: "┊",
  },
  ascii: { dotsAcross: 1, dotsDown: 1, side: "|", tick: "+", corner: "+", base: "-", down: "+", mark: "v", trace: ":" },
} as const;

type Alphabet = (typeof alphabets)[keyof typeof alphabets];

/** SGR codes of the colours: cyan, yellow, magenta, green, blue, red. */
const codes = [36, 33, 35, 32, 34, 31];
const csi = "\u001b[";

/** A character, and the line whose colour the character has. */
interface Glyph {
  readonly text: string;
  readonly line?: number;
}

/** All that the parts of a chart share. */
interface Layout {
  readonly chart: LineChart;
  readonly terminal: Terminal;
  readonly alphabet: Alphabet;
  readonly signs: readonly string[];
  /** Number of characters before the plot: the numbers of the ticks, a space, and the axis. */
  readonly gutter: number;
  readonly grid: Grid;
  readonly plot: Plot;
}

const numberText = (value: number): string => value.toLocaleString("en");

/** The frame in which places are dots. */
const plotIn = (chart: LineChart, { columns, dotsAcross, dotsDown }: Grid): Plot =>
  plotOf(chart, { left: 0, right: columns * dotsAcross - 1, top: 0, bottom: rows * dotsDown - 1 });

const layoutOf = (chart: LineChart, terminal: Terminal): Layout => {
  const alphabet = terminal.hasBraille ? alphabets.braille : alphabets.ascii;
  const { dotsAcross, dotsDown } = alphabet;
  const ticks = plotIn(chart, { columns: 1, rows, dotsAcross, dotsDown }).y.ticks;
  const gutter = Math.max(0, ...ticks.map((tick) => numberText(tick).length)) + 2;
  // The letters at the ends of the lines are at the right of the plot.
  const columns = Math.max(8, terminal.width - gutter - chart.series.length);
  const grid = { columns, rows, dotsAcross, dotsDown };
  const signs = signsOf(chart.series.map(({ label }) => label));
  return { chart, terminal, alphabet, signs, gutter, grid, plot: plotIn(chart, grid) };
};

const columnOf = ({ grid }: Layout, x: number): number => Math.floor(Math.round(x) / grid.dotsAcross);
const rowOf = ({ grid }: Layout, y: number): number => Math.floor(Math.round(y) / grid.dotsDown);

/** Joins characters to a text. Without colours the text has no escape sequence. */
const painted = (glyphs: readonly Glyph[], { hasColours }: Terminal): string => {
  let [text, current] = ["", -1];
  for (const { text: character, line = -1 } of glyphs) {
    if (hasColours && line !== current) text += line < 0 ? `${csi}39m` : `${csi}${codes[line % colours]}m`;
    current = line;
    text += character;
  }
  return (hasColours && current >= 0 ? `${text}${csi}39m` : text).trimEnd();
};

/** The distance of a line's letters. The letters of different lines are in different columns. */
const signStep = (lines: number): number => Math.max(12, lines);

/** Returns the line that has its letter in this column, if any. */
const signedLine = (column: number, lines: number): number => {
  const step = signStep(lines);
  return Array.from({ length: lines }, (_, line) => Math.floor(((line + 0.5) * step) / lines)).indexOf(column % step);
};

/** Lines in the same cell take turns, so that each of them is seen. */
const glyphOf = ({ dots, lines }: Cell, column: number, isSigned: boolean, layout: Layout): Glyph => {
  const { signs, terminal } = layout;
  const signed = signedLine(column, signs.length);
  const line = lines.includes(signed) && isSigned ? signed : (lines[column % lines.length] ?? 0);
  const isLetter = !terminal.hasBraille || (isSigned && line === signed);
  return { text: isLetter ? (signs[line] ?? "?") : String.fromCodePoint(0x2800 + dots), line };
};

/** Returns the letters of the lines that end in a row. */
const endsIn = (row: number, layout: Layout): Glyph[] =>
  layout.plot.lines.flatMap((points, line) => {
    const end = points.at(-1);
    return end !== undefined && rowOf(layout, end[1]) === row ? [{ text: layout.signs[line] ?? "?", line }] : [];
  });

/** Returns the rows of the plot, each with the tick of the axis, and the letters of the lines that end there. */
const plotRows = (layout: Layout): string[] => {
  const { plot, grid, gutter, alphabet, terminal } = layout;
  const cells = drawn(plot.lines, grid);
  const traces = new Set(plot.marks.map(({ at }) => columnOf(layout, at)));
  const ticks = new Map(plot.y.ticks.map((tick) => [rowOf(layout, plot.y.at(tick)), numberText(tick)]));
  // A steep line passes through several cells of a column. Only the first one has the letter.
  const signedColumns = new Set<number>();
  const glyphAt = (row: number, column: number): Glyph => {
    const cell = cells.get(row * grid.columns + column);
    if (cell === undefined) return { text: traces.has(column) ? alphabet.trace : " " };
    const signed = signedLine(column, plot.lines.length);
    const isSigned = cell.lines.includes(signed) && !signedColumns.has(column);
    if (isSigned) signedColumns.add(column);
    return glyphOf(cell, column, isSigned, layout);
  };
  return Array.from({ length: rows }, (_, row) => {
    const tick = ticks.get(row);
    const axis = `${(tick ?? "").padStart(gutter - 2)} ${tick === undefined ? alphabet.side : alphabet.tick}`;
    const middle = Array.from({ length: grid.columns }, (_cell, column) => glyphAt(row, column));
    return painted([{ text: axis }, ...middle, ...endsIn(row, layout)], terminal);
  });
};

/** A text, and the column in which it should begin. */
interface Placed {
  readonly column: number;
  readonly text: string;
}

/** Writes texts into as few rows as possible, without a text that overlaps another one or the right edge. */
const rowsOfTexts = (texts: readonly Placed[], width: number): string[] => {
  const lines: string[] = [];
  for (const { column, text } of texts) {
    const start = Math.max(0, Math.min(column, width - text.length));
    const free = lines.findIndex((line) => line.length === 0 || line.length < start);
    const index = free < 0 ? lines.length : free;
    lines[index] = (lines[index] ?? "").padEnd(start) + text;
  }
  return lines;
};

const markRows = (layout: Layout): string[] => {
  const { plot, gutter, terminal, alphabet } = layout;
  const texts = plot.marks.map(({ at, label }) => ({
    column: gutter + columnOf(layout, at),
    text: `${alphabet.mark} ${label}`,
  }));
  return rowsOfTexts(texts, terminal.width);
};

/** Returns the x axis, and the numbers of its ticks that have enough room. */
const xAxisRows = (layout: Layout): string[] => {
  const { plot, gutter, grid, alphabet, terminal } = layout;
  const ticks = plot.x.ticks.map((tick) => ({ column: columnOf(layout, plot.x.at(tick)), text: numberText(tick) }));
  const marked = new Set(ticks.map(({ column }) => column));
  const base = Array.from({ length: grid.columns }, (_, column) =>
    marked.has(column) ? alphabet.down : alphabet.base,
  );
  const texts = ticks.map(({ column, text }) => ({
    column: gutter + column - Math.floor((text.length - 1) / 2),
    text,
  }));
  const [numbers = ""] = rowsOfTexts(texts, terminal.width);
  return [`${" ".repeat(gutter - 1)}${alphabet.corner}${base.join("")}`, numbers];
};

/** Returns the letters with the labels of their lines, in the order of the lines. */
const legendRows = ({ chart, signs, terminal, gutter }: Layout): string[] => {
  const legend: Glyph[][] = [[]];
  let used = gutter;
  for (const [line, { label }] of chart.series.entries()) {
    const text = `${signs[line]} ${label}`;
    if (used > gutter && used + text.length > terminal.width) {
      legend.push([]);
      used = gutter;
    }
    legend.at(-1)?.push({ text, line }, { text: "   " });
    used += text.length + 3;
  }
  return legend.map((glyphs) => painted([{ text: " ".repeat(gutter) }, ...glyphs], terminal));
};

/** Returns the lines of the chart. No line is wider than the terminal, unless a label alone is. */
export const terminalChart = (chart: LineChart, terminal: Terminal): string[] => {
  const layout = layoutOf(chart, terminal);
  const indent = " ".repeat(layout.gutter);
  return [
    chart.title,
    chart.y.label,
    ...markRows(layout),
    ...plotRows(layout),
    ...xAxisRows(layout),
    `${indent}${chart.x.label}`,
    ...legendRows(layout),
  ];
};
