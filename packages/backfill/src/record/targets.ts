// Which targets of a pipeline a run is about.

import type { PipelineTarget } from "@sluice/core/envelope";

/** Returns the targets of some routes; all targets if no routes are named. */
export const targetsOfRoutes = (
  targets: readonly PipelineTarget[],
  asked: readonly string[] | undefined,
): readonly PipelineTarget[] =>
  asked === undefined ? targets : targets.filter(({ routes }) => routes.some((route) => asked.includes(route)));

/** Returns those of them that a verification can compare: their sinks have `read` and `canonical`. */
export const comparableTargets = (
  targets: readonly PipelineTarget[],
  asked: readonly string[] | undefined,
): readonly PipelineTarget[] => targetsOfRoutes(targets, asked).filter(isComparable);

/** Whether the sink can read its target, and say what it would write. */
export const isComparable = ({ sink }: PipelineTarget): boolean =>
  sink.read !== undefined && sink.canonical !== undefined;
