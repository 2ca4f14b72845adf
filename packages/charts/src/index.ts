export type { Axis, LineChart, Mark, Series } from "./chart.ts";
export { svgChart } from "./svg-chart.ts";
export { type Terminal, terminalOf } from "./terminal.ts";
export { terminalChart } from "./terminal-chart.ts";
