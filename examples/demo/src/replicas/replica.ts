// A replica is a route of the pipeline, with a function that reads the copies in the target. The function shares no
// code with the sink.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { FilmRow } from "../comparison.ts";

/** The pipeline of the demo. Each target adds its route to the pipeline. */
export type FilmsPipeline = Pipeline<UnknownItem>;

/** One copy of the table, on a running engine. */
export interface Replica {
  readonly name: string;
  /** Adds the replica's route to the pipeline. */
  readonly addTo: (pipeline: FilmsPipeline) => FilmsPipeline;
  /** Returns the copies that users of the target can see, by film id. */
  readonly read: () => Promise<Map<string, FilmRow>>;
  /** Drops the constraint that rejects films, and returns the executed SQL. Undefined if there is no constraint. */
  readonly repair?: () => Promise<string>;
  /** Returns lines that show a special feature of the target. The demo prints the lines at the end. */
  readonly show?: () => Promise<readonly string[]>;
  /** A shell command that queries the target. */
  readonly query: string;
  readonly close: () => Promise<void>;
}
