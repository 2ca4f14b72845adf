// Defines the row of a film, and the pipeline that writes the row, if Postgres is the only target of the demo.

import {
  onFailureDestinationReader,
  type Pipeline,
  pipeline,
  sqsDeadLetterQueue,
  type UnknownItem,
} from "@sluice/core";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { required } from "./environment.ts";

/** Writes films to their Postgres table. */
export const filmsSink: MappedPostgresSink = postgresSink({
  connection: { connectionString: required("DATABASE_URL") },
  table: "films",
  key: { film_id: "filmId" },
  columns: {
    film_id: { path: "filmId", type: "bigint" },
    title: { path: "Title", type: "text" },
    us_gross: { path: ["US Gross"], type: "numeric" },
    worldwide_gross: { path: ["Worldwide Gross"], type: "numeric" },
    us_dvd_sales: { path: ["US DVD Sales"], type: "numeric" },
    production_budget: { path: ["Production Budget"], type: "numeric" },
    // The type is text, because some values in the source data are not dates.
    release_date: { path: ["Release Date"], type: "text" },
    mpaa_rating: { path: ["MPAA Rating"], type: "text" },
    running_time_min: { path: ["Running Time min"], type: "integer" },
    distributor: { path: "Distributor", type: "text" },
    source: { path: "Source", type: "text" },
    major_genre: { path: ["Major Genre"], type: "text" },
    creative_type: { path: ["Creative Type"], type: "text" },
    director: { path: "Director", type: "text" },
    rotten_tomatoes_rating: { path: ["Rotten Tomatoes Rating"], type: "smallint" },
    imdb_rating: { path: ["IMDB Rating"], type: "numeric" },
    imdb_votes: { path: ["IMDB Votes"], type: "integer" },
    updated_at_ms: { path: "updatedAtMs", type: "bigint" },
  },
});

/** The pipeline of the function. */
export const films: Pipeline<UnknownItem> = pipeline("films", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
}).to(filmsSink);
