// The end of an invocation: its report goes to the log, to the observers and to the diagnostics channels.

import type { RouteResult } from "../delivery/delivery-result.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { PipelineLogger } from "../logger.ts";
import { observe } from "../observe/observe.ts";
import { busyRoutes } from "../observe/outcomes.ts";
import type { InvocationReport, RouteReport } from "../observe/report.ts";
import type { PipelineSettings } from "./options.ts";

/** The invocation of a report, and the results of its routes. */
interface PublishedRun {
  readonly invocation: Invocation;
  readonly routes: readonly RouteResult[];
  readonly requestId: string | undefined;
}

/** Leaves out zeros, and the routes that received nothing: a pipeline may have many routes. */
const nonzero = (report: InvocationReport): InvocationReport["routes"] =>
  Object.fromEntries(busyRoutes(report).map(([route, one]) => [route, withoutZeros(one)]));

const withoutZeros = (report: RouteReport): RouteReport =>
  Object.fromEntries(Object.entries(report).filter(([, number]) => number > 0)) as unknown as RouteReport;

/** Logs a report without its zeros. The log line is a warning if a delivery failed. */
const logReport = (logger: PipelineLogger, report: InvocationReport): void => {
  const { endedAt: _, ...logged } = report;
  const fields = { ...logged, routes: nonzero(report) };
  if (Object.keys(report.failures).length === 0) logger.info("batch finished", fields);
  else logger.warn("batch finished with failures", fields);
};

/** Logs a report and gives it to the observers. `counts` is the report without its times. */
export const publishReport = (
  settings: PipelineSettings,
  counts: Omit<InvocationReport, "endedAt" | "durationMs" | "requestId">,
  { invocation, routes, requestId }: PublishedRun,
): void => {
  const endedAt = settings.clock.now();
  const report: InvocationReport = {
    ...counts,
    ...(requestId !== undefined && { requestId }),
    endedAt,
    durationMs: Math.max(0, endedAt - invocation.startedAt),
  };
  observe(settings, report, invocation, routes);
  logReport(settings.logger, report);
};
