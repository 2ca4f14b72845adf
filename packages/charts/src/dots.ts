// Draws lines as dots in the cells of a grid. A Braille cell has two by four dots, an ASCII cell has one.

import type { Point } from "./chart.ts";

/** The size of a grid in cells, and the number of dots of a cell. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly dotsAcross: number;
  readonly dotsDown: number;
}

/** A cell that lines pass through. */
export interface Cell {
  /** The dots as bits of a Braille character: its code point is 0x2800 plus these bits. */
  readonly dots: number;
  /** The numbers of the lines that pass through the cell. */
  readonly lines: readonly number[];
}

/** The bits of the dots of a Braille character, row by row. */
const brailleBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** Returns the dots of a straight line, with both ends. */
const dotsBetween = ([x, y]: Point, [toX, toY]: Point): Point[] => {
  const steps = Math.max(1, Math.abs(toX - x), Math.abs(toY - y));
  return Array.from({ length: steps + 1 }, (_, step) => [
    Math.round(x + ((toX - x) * step) / steps),
    Math.round(y + ((toY - y) * step) / steps),
  ]);
};

/** Returns the dots of a line through these points. A line of one point is one dot. */
const dotsOf = (points: readonly Point[]): Point[] => {
  const places = points.map(([x, y]) => [Math.round(x), Math.round(y)] as const);
  return places.flatMap((place, index) => dotsBetween(places[index - 1] ?? place, place));
};

/** Returns the number of a cell, counted row by row from the top left. */
const cellOf = ({ columns, dotsAcross, dotsDown }: Grid, [x, y]: Point): number =>
  Math.floor(y / dotsDown) * columns + Math.floor(x / dotsAcross);

/** Draws lines whose points are places of dots. Returns the cells by their number, counted row by row from the top left. */
export const drawn = (lines: readonly (readonly Point[])[], grid: Grid): ReadonlyMap<number, Cell> => {
  const cells = new Map<number, Cell>();
  for (const [line, points] of lines.entries()) {
    for (const dot of dotsOf(points)) {
      const cell = cellOf(grid, dot);
      const before = cells.get(cell) ?? { dots: 0, lines: [] };
      cells.set(cell, {
        dots: before.dots | (brailleBits[dot[1] % grid.dotsDown]?.[dot[0] % grid.dotsAcross] ?? 0),
        lines: before.lines.includes(line) ? before.lines : [...before.lines, line],
      });
    }
  }
  return cells;
};
