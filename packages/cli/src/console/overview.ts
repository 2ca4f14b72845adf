// The overview of a deployment: its state, its metrics and its queues.

import type { Overview, PipelineNow, QueueAbout, RouteNow } from "@sluice/console";
import { dimensionValue } from "@sluice/core/metrics";
import { type Clients, isAnswered, knownValue, metricNamespace } from "@sluice/inspect";
import type { Deployment } from "./discovery.ts";
import { type AskedSeries, readSeries } from "./metrics.ts";
import { askedOfFunction, notesOf, stateOf } from "./pipeline-now.ts";
import { problemOf } from "./problems.ts";
import { queueNow } from "./queues.ts";
import { askedOfRoute, metricsOfRoute, routeNow, shownSpan } from "./route-metrics.ts";

/** What an overview is about. */
export interface OverviewSubject {
  readonly pipeline: string;
  /** Names of the routes. */
  readonly routes: readonly string[];
  readonly queues: readonly QueueAbout[];
  readonly deployment: Deployment;
}

/** If the function has written no metric of Sluice: one line that says what is missing. */
const withoutMetrics = ({ facts, metricRoutes }: Deployment): readonly string[] => {
  if (!isAnswered(metricRoutes) || metricRoutes.value.length > 0) return [];
  const isSet = knownValue(facts.function.variables)?.names.has("SLUICE_METRICS") === true;
  const next = isSet
    ? "the function has the variable SLUICE_METRICS; expected the value emf, and a change of an item within the last two weeks"
    : "expected the variable SLUICE_METRICS=emf of the function; sluice doctor prints the command";
  return [`CloudWatch has no metric of the namespace ${metricNamespace} of the function ${facts.metricName}: ${next}`];
};

const readMetrics = async (
  { cloudwatch }: Clients,
  { pipeline, routes, deployment }: OverviewSubject,
  now: number,
): Promise<{
  readonly routes: readonly RouteNow[];
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}> => {
  const { metricName } = deployment.facts;
  const span = shownSpan(now);
  const asked: readonly AskedSeries[] = [
    ...askedOfFunction(metricName),
    ...routes.flatMap((route) => askedOfRoute(metricNamespace, metricName, dimensionValue(route))),
  ];
  const answer = await readSeries(cloudwatch, asked, span);
  const series = knownValue(answer) ?? [];
  const first = asked.length - routes.length * metricsOfRoute;
  return {
    routes: routes.map((route, index) => {
      const from = first + index * metricsOfRoute;
      return routeNow({ pipeline, route }, series.slice(from, from + metricsOfRoute), span);
    }),
    notes: notesOf(series.slice(0, first), span.to),
    problems: isAnswered(answer) ? [] : [problemOf("the metrics are", answer.unanswered)],
  };
};

/** Reads the overview of the three hours before a time. Never rejects because of an answer of AWS: what is unknown is a problem. */
export const readOverview = async (clients: Clients, at: number, subject: OverviewSubject): Promise<Overview> => {
  const { deployment, pipeline } = subject;
  const [metrics, queues] = await Promise.all([
    readMetrics(clients, subject, at),
    Promise.all(subject.queues.map((queue) => queueNow(clients.sqs, queue))),
  ]);
  const now: PipelineNow = {
    name: pipeline,
    ...stateOf(deployment.facts.function, at),
    ...(metrics.notes.length > 0 && { notes: metrics.notes }),
  };
  const unread = deployment.unanswered.map((one) => problemOf("a part of the deployment is", one));
  return {
    at,
    pipelines: [now],
    routes: metrics.routes,
    queues,
    problems: [...new Set([...unread, ...metrics.problems, ...withoutMetrics(deployment)])],
  };
};
