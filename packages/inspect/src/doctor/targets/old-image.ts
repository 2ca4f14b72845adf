// Whether the stream has the images that a route needs. A rule judges streams without new images; this check is about old ones.

import type { Pipeline } from "@sluice/core";
import { isAnswered } from "../../aws/answer.ts";
import type { StreamFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";

type PipelineRoute = Pipeline<unknown>["routes"][number];

/** Why a route needs the old image; undefined if nothing says that it does. */
const needOf = ({ sink, predicate, removals }: PipelineRoute): string | undefined => {
  if (sink.supports.writes === "append" && predicate !== undefined) {
    return "its filter judges removed items, whose attributes are in the old image only";
  }
  const marks = [removals.byTtl, removals.otherwise].some((removal) => typeof removal === "function");
  return marks ? "its function of removes gets removed items, whose attributes are in the old image only" : undefined;
};

/** Judges the view type of the streams for one route. */
export const oldImageFindings = (route: PipelineRoute, streams: readonly StreamFacts[]): readonly Finding[] => {
  const need = needOf(route);
  if (need === undefined) return [];
  return streams
    .filter(({ table }) => isAnswered(table) && table.value?.StreamSpecification?.StreamViewType === "NEW_IMAGE")
    .map(({ tableName }) => ({
      code: "OLD_IMAGE_MISSING",
      area: "target",
      level: "fail",
      resource: route.name,
      found: `the stream of ${tableName} has new images only, and the route needs both: ${need}`,
      expected: "a stream with NEW_AND_OLD_IMAGES; without it, each removal becomes a dead letter",
      fix: "Switch the stream off and on with NEW_AND_OLD_IMAGES, as for VIEW_TYPE in docs/doctor.md, then run sluice verify --repair.",
    }));
};
