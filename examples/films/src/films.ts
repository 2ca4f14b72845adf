// The pipeline of `npm run dev`. Edit a column while it runs: the pipeline restarts, and keeps its place in the stream.

import { onFailureDestinationReader, type Pipeline, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { type DynamodbDedupe, dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { required } from "./environment.ts";

/** A film, as far as the pipeline reads it. */
export interface Film {
  readonly filmId: number;
  readonly Title: string | number | null;
  readonly "Rotten Tomatoes Rating": number | null;
}

/** Writes a row for each film. */
export const filmRows: MappedPostgresSink = postgresSink({
  connection: { connectionString: required("DATABASE_URL") },
  table: "films",
  key: { film_id: "filmId" },
  columns: {
    film_id: { path: "filmId", type: "bigint" },
    title: { path: "Title", type: "text" },
    genre: { path: ["Major Genre"], type: "text" },
    director: { path: "Director", type: "text" },
    // Some values in the data are not dates.
    released: { path: ["Release Date"], type: "text" },
    // A film whose running time is not a number becomes a dead letter.
    running_time: { path: ["Running Time min"], type: "integer" },
    rating: { path: ["IMDB Rating"], type: "numeric" },
    votes: { path: ["IMDB Votes"], type: "integer" },
    updated_at: { path: "updatedAt", type: "timestamptz" },
  },
});

/** Remembers what was sent, so that no message is sent twice. */
export const dedupeStore: DynamodbDedupe = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

/** Gets a message for each change of a film that critics like. */
const acclaimed = sqsSink({ queueUrl: required("ACCLAIMED_QUEUE_URL"), name: "acclaimed" });

/** The pipeline: a row of Postgres for each film, and messages for the films that critics like. */
export const films: Pipeline<Film> = pipeline<Film>("films", {
  source: "films",
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
  dedupeStore,
})
  .to(filmRows)
  .to(acclaimed, ({ kind, after }) =>
    (after?.["Rotten Tomatoes Rating"] ?? 0) >= 90
      ? { body: { kind, filmId: after?.filmId, title: after?.Title, rating: after?.["Rotten Tomatoes Rating"] } }
      : undefined,
  );
