// The types of a pipeline's targets.

import type { Pipeline } from "@sluice/core";

/** A target of a pipeline's upsert routes: an entry of `pipeline.targets()`. */
export type PipelineTarget = ReturnType<Pipeline<unknown>["targets"]>[number];

/** What a target should hold of an item. */
export type Expectation = ReturnType<PipelineTarget["expect"]>;
