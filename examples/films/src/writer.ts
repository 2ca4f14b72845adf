// Changes films until the program ends, so that the console has something to show.

import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { FilmItem } from "./film-items.ts";
import { filmWrite } from "./film-writes.ts";

const TableName = "films";
const everyMs = 250;

const keyOf = (filmId: number) => ({ filmId: { N: String(filmId) } });

/** DynamoDB Local accepts any credentials. */
const clientOf = (endpoint: string): DynamoDB =>
  new DynamoDB({ endpoint, region: "us-east-1", credentials: { accessKeyId: "local", secretAccessKey: "local" } });

/** Waits until the table has its last film. */
const waitUntilSeeded = async (client: DynamoDB, films: readonly FilmItem[], signal: AbortSignal): Promise<void> => {
  for (;;) {
    const { Item } = await client.getItem({ TableName, Key: keyOf(films.length) }, { abortSignal: signal });
    if (Item !== undefined) return;
    await sleep(everyMs, undefined, { signal });
  }
};

/** Sets an attribute, unless the user has deleted the film. */
const update = (client: DynamoDB, filmId: number, attribute: string, value: string | number) =>
  client.updateItem({
    TableName,
    Key: keyOf(filmId),
    UpdateExpression: "SET #attribute = :value, updatedAt = :now",
    ConditionExpression: "attribute_exists(filmId)",
    ExpressionAttributeNames: { "#attribute": attribute },
    ExpressionAttributeValues: marshall({ ":value": value, ":now": new Date().toISOString() }),
  });

const write = async (client: DynamoDB, films: readonly FilmItem[], position: number): Promise<void> => {
  const { kind, filmId } = filmWrite(position, films.length);
  const film = films[filmId - 1];
  if (kind === "remove") await client.deleteItem({ TableName, Key: keyOf(filmId) });
  else if (kind === "insert") await client.putItem({ TableName, Item: marshall(film) });
  else if (kind === "spoil") await update(client, filmId, "Running Time min", "two hours");
  else await update(client, filmId, "IMDB Votes", Number(film?.["IMDB Votes"] ?? 0) + position);
};

const isMissing = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

/** Changes four films a second, until the signal aborts. */
export const writeFilms = async (endpoint: string, films: readonly FilmItem[], signal: AbortSignal): Promise<void> => {
  const client = clientOf(endpoint);
  try {
    await waitUntilSeeded(client, films, signal);
    for (let position = 0; !signal.aborted; position += 1) {
      await write(client, films, position).catch((error: unknown) => {
        // The user may have deleted the film.
        if (!isMissing(error)) throw error;
      });
      await sleep(everyMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    client.destroy();
  }
};
