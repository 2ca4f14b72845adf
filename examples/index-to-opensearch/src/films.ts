// Defines the document of a film, and the pipeline that writes the document.

import { onFailureDestinationReader, type Pipeline, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { authentication, optional, required } from "./environment.ts";

/** A film in the table. The type is loose, because the values of the source data have mixed types. */
export type Film = {
  readonly filmId: number;
  readonly Title?: string | number | null;
  readonly Director?: string | null;
  readonly "Major Genre"?: string | null;
  readonly "Release Date"?: string | null;
  readonly "Running Time min"?: number | null;
  readonly "IMDB Rating"?: number | null;
  readonly "IMDB Votes"?: number | null;
  readonly "Worldwide Gross"?: number | null;
};

/** Returns the document of a film. Fields that are undefined are left out of the document. */
export const toDocument = ({ after: film }: { readonly after: Film }): Record<string, unknown> => ({
  filmId: film.filmId,
  title: film.Title?.toString(),
  director: film.Director,
  genre: film["Major Genre"],
  released: film["Release Date"],
  minutes: film["Running Time min"],
  rating: film["IMDB Rating"],
  votes: film["IMDB Votes"],
  gross: film["Worldwide Gross"],
});

/** The index of films. */
export const filmsSink: OpensearchSink = opensearchSink({
  node: required("OPENSEARCH_NODE"),
  ...authentication(),
  index: optional("FILMS_INDEX") ?? "films",
  mappings: {
    dynamic: "strict",
    properties: {
      filmId: { type: "long" },
      title: { type: "text", fields: { exact: { type: "keyword", ignore_above: 256 } } },
      director: { type: "text" },
      genre: { type: "keyword" },
      released: { type: "keyword" },
      minutes: { type: "integer" },
      rating: { type: "double" },
      votes: { type: "long" },
      gross: { type: "double" },
    },
  },
});

/** The pipeline of the function. */
export const films: Pipeline<Film> = pipeline<Film>("films", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
}).to(filmsSink, toDocument);
