// A second pipeline of the same table: `npm run dev -- --opensearch` runs it beside the first one.

import { type Pipeline, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { required } from "./environment.ts";

/** A film, as far as the pipeline reads it. */
export interface FoundFilm {
  readonly Title: string | number | null;
  readonly Director: string | null;
  readonly "Major Genre": string | null;
}

/** Indexes a document for each film. */
export const filmDocuments: OpensearchSink = opensearchSink({
  node: required("OPENSEARCH_NODE"),
  index: "films",
  mappings: {
    dynamic: "strict",
    properties: { title: { type: "text" }, director: { type: "text" }, genre: { type: "keyword" } },
  },
});

/** The pipeline. */
export const filmSearch: Pipeline<FoundFilm> = pipeline<FoundFilm>("film-search", {
  source: "films",
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
}).to(filmDocuments, ({ after }) => ({
  title: after.Title === null ? null : String(after.Title),
  director: after.Director,
  genre: after["Major Genre"],
}));
