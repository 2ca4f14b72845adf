// What a line chart shows, whichever way it is drawn.

/** A point of a line, in the units of the axes. */
export type Point = readonly [x: number, y: number];

/** The points and the label of a line. Points that an axis cannot show are left out. */
export interface Series {
  readonly label: string;
  readonly points: readonly Point[];
  readonly isDashed?: boolean;
  /** Number of the colour. There are six, so 6 is the colour of 0. Default: the position of the line. */
  readonly colour?: number;
}

/** An axis. Its label names the unit. A linear axis shows numbers from 0 on, a logarithmic axis shows those above 0. */
export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
}

/** A place on the x axis at which something happened. */
export interface Mark {
  readonly at: number;
  readonly label: string;
}

/** A chart of lines. */
export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
}

/** Number of the colours that the lines use. */
export const colours = 6;
