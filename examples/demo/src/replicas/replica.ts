// A replica has a route of the pipeline and a function that reads the target. The function shares no code with the
// sink.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { FilmRow } from "../comparison.ts";

/** The pipeline of the demo while its routes are added. */
export type FilmsPipeline = Pipeline<UnknownItem>;

/** One copy of the table, on a running engine. */
export interface Replica {
  readonly name: string;
  /** Adds the replica's route. */
  readonly addTo: (pipeline: FilmsPipeline) => FilmsPipeline;
  /** Reads the copies that users of the target see, by film id. */
  readonly read: () => Promise<Map<string, FilmRow>>;
  /** Drops the constraint that rejects films, and returns the SQL statement. Undefined without such a constraint. */
  readonly repair?: () => Promise<string>;
  /** Returns lines for the end of the output, which show a special ability of the target. */
  readonly show?: () => Promise<readonly string[]>;
  /** A command that queries the target. */
  readonly query: string;
  readonly close: () => Promise<void>;
}
