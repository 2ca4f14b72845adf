// A replica: a route of the pipeline, and a way to read the target that shares no code with the sink.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { FilmRow } from "../comparison.ts";

/** The pipeline of the demo while its routes are added. */
export type FilmsPipeline = Pipeline<UnknownItem>;

/** One copy of the table, on a running engine. */
export interface Replica {
  readonly name: string;
  /** Adds the replica's route. */
  readonly addTo: (pipeline: FilmsPipeline) => FilmsPipeline;
  /** Every live copy by film id, read as any user would. */
  readonly read: () => Promise<Map<string, FilmRow>>;
  /** For a replica that rejects films: drops the constraint, and returns the statement. */
  readonly repair?: () => Promise<string>;
  /** Lines for the end that show a special ability of the target. */
  readonly show?: () => Promise<readonly string[]>;
  /** A command that queries the target. */
  readonly query: string;
  readonly close: () => Promise<void>;
}
