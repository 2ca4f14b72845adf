// What the demo wants of a replica: a route into the pipeline, and a look at the target that shares no code with the sink.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { Row } from "../comparison.ts";

export type FilmsPipeline = Pipeline<UnknownItem>;

/** One copy of the table, on an engine that runs. */
export interface Replica {
  readonly name: string;
  /** Adds the replica's route. */
  readonly addTo: (pipeline: FilmsPipeline) => FilmsPipeline;
  /** Every live copy, by film id, as any user would read it. */
  readonly read: () => Promise<Map<string, Row>>;
  /** Where the replica refuses the poison film: repairs the cause, and says how. */
  readonly repair?: () => Promise<string>;
  /** What only this kind of target can do: lines for the end. */
  readonly show?: () => Promise<readonly string[]>;
  /** How to look at the target by hand. */
  readonly look: string;
  readonly close: () => Promise<void>;
}
