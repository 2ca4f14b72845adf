// Powertools' BatchProcessor with a hand-written record handler. The handler unmarshalls the image and upserts the row.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type pg from "pg";
import { filmColumns } from "../films.ts";
import { createTable, type Entrant, type Material, replaceRow } from "./postgres-entrant.ts";

export const upsertOf = (table: string): string => {
  const columns = Object.keys(filmColumns);
  const parameters = columns.map((_, index) => `$${index + 1}`);
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${parameters.join(", ")}) ${replaceRow()}`;
};

/** The contender with Powertools. By default, Powertools processes the records of a batch in parallel. */
export const powertoolsUpsert = async (
  pool: pg.Pool,
  name: "powertools-parallel" | "powertools-sequential",
  material: Material,
): Promise<Entrant> => {
  const table = name.replace("-", "_");
  await pool.query(createTable(table));
  const text = upsertOf(table);
  const attributes = Object.values(filmColumns).map(({ path: [attribute] }) => attribute);
  const processor = new BatchProcessor(EventType.DynamoDBStreams);
  const upsert = async ({ dynamodb }: DynamoDBRecord): Promise<void> => {
    const film = unmarshall(dynamodb?.NewImage as Parameters<typeof unmarshall>[0]);
    await pool.query(
      text,
      attributes.map((attribute) => film[attribute] ?? null),
    );
  };
  const handler = (event: DynamoDBStreamEvent) =>
    processPartialResponse(event, upsert, processor, { processInParallel: name === "powertools-parallel" });
  return {
    name,
    view: table,
    relations: [table],
    prepare: (mix, batch) => {
      const event = JSON.parse(material.events[mix][batch] ?? "") as DynamoDBStreamEvent;
      return async () => {
        const { batchItemFailures } = await handler(event);
        if (batchItemFailures.length > 0) throw new Error(`${name}: ${batchItemFailures.length} records failed`);
      };
    },
  };
};
