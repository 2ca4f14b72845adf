// Shows the metrics of an outage in the terminal, and writes them to an SVG file.

import { constants } from "node:fs";
import { access, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { svgChart, type Terminal, terminalChart } from "@sluice/charts";
import { highestLags, lagChart, type OutageTimes } from "./lag-chart.ts";

/** The metrics of an outage. */
export interface OutageMetrics extends OutageTimes {
  readonly routes: readonly string[];
  readonly metricLines: readonly string[];
}

/** Returns what is wrong with the folder of the SVG file. */
export const problemOfFile = async (file: string): Promise<string | undefined> => {
  const folder = dirname(file);
  const isWritable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  return isWritable ? undefined : `--svg names a file in ${folder}; expected a folder that exists and can be written`;
};

const temporaryFile = async (): Promise<string> => join(await mkdtemp(join(tmpdir(), "sluice-demo-")), "outage.svg");

/**
 * Writes the chart as SVG, and returns the lines that show it in the terminal.
 * @param file where the SVG is written. Default: a new folder for temporary files
 */
export const showMetrics = async (
  { routes, metricLines, ...times }: OutageMetrics,
  terminal: Terminal,
  file: string | undefined,
): Promise<string[]> => {
  const chart = lagChart(metricLines, routes, times);
  const path = file ?? (await temporaryFile());
  await writeFile(path, svgChart(chart));
  return [
    "",
    ...terminalChart(chart, terminal),
    "",
    `Highest lag:  ${highestLags(chart)}`,
    `As an image:  ${path}`,
    `From ${metricLines.length.toLocaleString("en")} lines that emfMetrics() wrote; in Lambda they go to CloudWatch.`,
  ];
};
