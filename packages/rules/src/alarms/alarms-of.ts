// The alarms of one pipeline: the rows of the list whose resources the pipeline has, with the names of these resources.

import { pipelineAlarms } from "./alarm-list.ts";
import type { AlarmMetric, AlarmResource, AlarmRow, AlarmValue } from "./alarm-row.ts";

/**
 * The names of a pipeline's resources, as CloudWatch's dimensions have them: names of functions and queues, the UUID of the mapping
 * from the stream, ARNs of state machines, and any text for the mapping's on-failure `destination`. Leave out what the pipeline
 * does not have.
 */
export type AlarmResources = { readonly [resource in AlarmResource]?: string | undefined };

/** An alarm of one pipeline. */
export interface PipelineAlarm {
  /** The row's id, followed by the route's name if the alarm watches one route: `route-lag-postgres`. */
  readonly name: string;
  readonly row: AlarmRow;
  readonly route?: string;
  /** The row's value, with the names of the resources. */
  readonly value: AlarmValue<string>;
}

type Names = AlarmResources & { readonly route?: string | undefined };

const metricsOf = (value: AlarmValue): readonly AlarmMetric[] =>
  value.kind === "metric" ? [value.of] : [value.of, ...value.among, ...(value.unless ? [value.unless] : [])];

const resourcesOf = ({ value, needs }: AlarmRow): readonly AlarmResource[] => {
  const dimensions = metricsOf(value).flatMap((metric) => Object.values(metric.dimensions));
  return [...dimensions, ...(needs ? [needs] : [])].filter((resource) => resource !== "route");
};

/** A dimension without a name is the route of an alarm that watches the whole function. */
const namedMetric = (metric: AlarmMetric, names: Names): AlarmMetric<string> => ({
  ...metric,
  dimensions: Object.fromEntries(
    Object.entries(metric.dimensions).flatMap(([dimension, resource]) => {
      const name = names[resource];
      return name === undefined ? [] : [[dimension, name]];
    }),
  ),
});

const namedValue = (value: AlarmValue, names: Names): AlarmValue<string> => {
  const of = namedMetric(value.of, names);
  if (value.kind === "metric") return { kind: "metric", of };
  const { min, unless } = value;
  const among = value.among.map((metric) => namedMetric(metric, names));
  return { kind: "share", of, among, min, ...(unless && { unless: namedMetric(unless, names) }) };
};

const routesOf = ({ each }: AlarmRow, routes: readonly string[]): readonly (string | undefined)[] => {
  if (each === "pipeline" || (each === "route-or-function" && routes.length === 0)) return [undefined];
  return [...new Set(routes)];
};

const alarmOf = (row: AlarmRow, resources: AlarmResources, route: string | undefined): PipelineAlarm => ({
  name: route === undefined ? row.id : `${row.id}-${route}`,
  row,
  ...(route !== undefined && { route }),
  value: namedValue(row.value, { ...resources, route }),
});

/** The alarms of a pipeline with these resources, in the order of the list. `routes` are the names of the routes to watch. */
export const alarmsOf = (resources: AlarmResources, routes: readonly string[] = []): readonly PipelineAlarm[] =>
  pipelineAlarms
    .filter((row) => resourcesOf(row).every((resource) => resources[resource] !== undefined))
    .flatMap((row) => routesOf(row, routes).map((route) => alarmOf(row, resources, route)));
