// Whether the targets of the user's pipeline fit it. Without the user's module, the targets are not known.

import { metricNamespace } from "@sluice/rules";
import { isAnswered } from "../../aws/answer.ts";
import { command } from "../command.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { unqualified } from "../function-name.ts";
import { metricsIn } from "../operation/alarms.ts";
import { loopFindings } from "./loop.ts";
import { oldImageFindings } from "./old-image.ts";
import { schemaFindings } from "./schema.ts";
import { sourceFindings } from "./source.ts";
import { targetsOf } from "./target.ts";

const area = "target";

/** What the check of the targets needs to know. */
export type TargetFacts = Pick<Facts, "pipeline" | "streams">;

/** The check of the targets: their schema, what they hold, which images they need, and that none is the source. */
export const targetsCheck: Check<TargetFacts> = {
  area,
  codes: [
    "TARGET_INCOMPLETE",
    "TARGET_CONTRADICTS",
    "TARGET_MISSING",
    "TARGET_UNREACHABLE",
    "TARGET_AHEAD",
    "TARGET_LOOP",
    "OLD_IMAGE_MISSING",
    "SOURCE_DIFFERS",
  ],
  findings: async (facts) => {
    const { pipeline, streams } = facts;
    if (pipeline === undefined) return [];
    const loops = pipeline.routes.flatMap(({ name, sink }) => loopFindings(name, sink.resource, streams));
    const images = pipeline.routes.flatMap((route) => oldImageFindings(route, streams));
    const schemas = (await Promise.all(targetsOf(facts).map(schemaFindings))).flat();
    // A target that is not there, or does not answer, holds nothing that can be read.
    const broken = new Set(schemas.map(({ resource }) => resource));
    const readable = pipeline.targets().filter(({ routes }) => !routes.some((route) => broken.has(route)));
    const sources = await Promise.all(streams.map((stream) => sourceFindings(readable, stream)));
    return [...loops, ...images, ...schemas, ...sources.flat()];
  },
};

const routeUnknown = (alarm: string, route: string, routes: readonly string[]): Finding => ({
  code: "ALARM_ROUTE_UNKNOWN",
  area,
  level: "warn",
  resource: alarm,
  found: `the alarm watches the route ${route}, which the pipeline does not have`,
  expected: `one of the routes ${routes.join(", ")}`,
  fix: `Name the pipeline's routes in the option routes of the alarms, or delete the alarm: ${command("aws", "cloudwatch", "delete-alarms", "--alarm-names", alarm)}`,
});

/** The check of the routes that alarms name. */
export const alarmRoutesCheck: Check<Facts> = {
  area,
  codes: ["ALARM_ROUTE_UNKNOWN"],
  findings: async ({ alarms: listAlarms, pipeline, function: { name } }) => {
    if (pipeline === undefined) return [];
    const alarms = await listAlarms();
    if (!isAnswered(alarms)) return [openQuestion(area, name, alarms.unanswered)];
    const routes = pipeline.routes.map((route) => route.name);
    return alarms.value.flatMap((alarm) => {
      const own = metricsIn(alarm).filter(
        ({ Namespace, Dimensions = [] }) =>
          Namespace === metricNamespace &&
          Dimensions.some(({ Name, Value }) => Name === "function" && Value === unqualified(name)),
      );
      const named = own.flatMap(({ Dimensions = [] }) =>
        Dimensions.flatMap(({ Name, Value }) => (Name === "route" && Value !== undefined ? [Value] : [])),
      );
      const unknown = [...new Set(named)].filter((route) => !routes.includes(route));
      return unknown.map((route) => routeUnknown(alarm.AlarmName ?? "", route, routes));
    });
  },
};
