// The source: a DynamoDB table with a stream. The demo puts the films, and then updates, removes and re-inserts films.

import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  UpdateTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import type { FilmItem } from "./films-data.ts";
import { seededRandom } from "./random.ts";

/** The name is unique, because an external engine may already contain a table of an earlier run. */
export const tableName: string = `SluiceDemoFilms${Date.now()}`;

const writerCount = 8;
/** The maximum number of items that BatchWriteItem accepts. */
const batchSize = 25;

/** The bad record: the longest film ever made. A constraint on the running time rejects this film. */
export const badFilm: FilmItem = {
  filmId: { N: "100001" },
  Title: { S: "Logistics" },
  "Release Date": { S: "Dec 1 2012" },
  "Running Time min": { N: "51420" },
};

const stamped = (film: FilmItem): FilmItem => ({ ...film, updatedAtMs: { N: String(Date.now()) } });

const stream = { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" } as const;

/** Creates the table, with or without a stream. */
export const createTable = async (
  client: DynamoDBClient,
  { hasStream }: { readonly hasStream: boolean },
): Promise<void> => {
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      KeySchema: [{ AttributeName: "filmId", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "filmId", AttributeType: "N" }],
      BillingMode: "PAY_PER_REQUEST",
      ...(hasStream && { StreamSpecification: stream }),
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 1 }, { TableName: tableName });
};

/** Returns the ARN of the table's stream. */
export const streamArnOf = async (client: DynamoDBClient): Promise<string> => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  if (Table?.LatestStreamArn === undefined) throw new Error("the table has no stream");
  return Table.LatestStreamArn;
};

/** Gives the table a stream, and returns its ARN. The items that are in the table are not in the stream. */
export const enableStream = async (client: DynamoDBClient): Promise<string> => {
  await client.send(new UpdateTableCommand({ TableName: tableName, StreamSpecification: stream }));
  return streamArnOf(client);
};

/** Executes the jobs with several concurrent writers. Spreads the jobs evenly over `durationMs`. */
const withWriters = async <Job>(
  jobs: readonly Job[],
  write: (job: Job) => Promise<void>,
  durationMs = 0,
): Promise<void> => {
  const startedAt = Date.now();
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let job = jobs[next]; job !== undefined; job = jobs[next]) {
      const dueAt = startedAt + (durationMs * next) / jobs.length;
      next += 1;
      if (dueAt > Date.now()) await sleep(dueAt - Date.now());
      await write(job);
    }
  };
  await Promise.all(Array.from({ length: writerCount }, writer));
};

const putBatch = async (client: DynamoDBClient, films: readonly FilmItem[]): Promise<void> => {
  let requests = films.map((film) => ({ PutRequest: { Item: stamped(film) } }));
  while (requests.length > 0) {
    const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }));
    requests = (answer.UnprocessedItems?.[tableName] ?? []) as typeof requests;
  }
};

/** Puts all films in batches. Calls `onWritten` with the size of each batch. */
export const loadTable = async (
  client: DynamoDBClient,
  films: readonly FilmItem[],
  onWritten: (count: number) => void,
): Promise<void> => {
  const batches: FilmItem[][] = [];
  for (let start = 0; start < films.length; start += batchSize) batches.push(films.slice(start, start + batchSize));
  await withWriters(batches, async (batch) => {
    await putBatch(client, batch);
    onWritten(batch.length);
  });
};

/** One random write of the demo. */
export interface FilmWrite {
  readonly kind: "vote" | "correct" | "clear" | "remove" | "put";
  readonly film: FilmItem;
  /** For a vote: the number of votes after the write. */
  readonly votes: number;
}

/**
 * Returns random writes. Four of nine are votes. The others correct or clear attributes, or remove and re-insert films.
 */
export const workload = (films: readonly FilmItem[], writes: number, seed: number): FilmWrite[] => {
  const random = seededRandom(seed);
  const removed: FilmItem[] = [];
  const kinds = ["vote", "vote", "vote", "vote", "correct", "correct", "clear", "remove", "put"] as const;
  const list: FilmWrite[] = [];
  while (list.length < writes) {
    const film = films[random(films.length)] as FilmItem;
    const kind = kinds[random(kinds.length)] ?? "vote";
    const votes = random(1_000_000);
    if (kind === "remove") removed.push(film);
    if (kind !== "put") list.push({ kind, film, votes });
    else if (removed.length > 0) {
      list.push({ kind, film: removed.splice(random(removed.length), 1)[0] as FilmItem, votes });
    }
  }
  list.splice(Math.floor(writes / 2), 0, { kind: "put", film: badFilm, votes: 0 });
  return list;
};

const updateOf = (kind: "vote" | "correct" | "clear", votes: number) => {
  const now = { ":now": { N: String(Date.now()) } };
  if (kind === "clear") {
    return {
      UpdateExpression: "REMOVE Director, #source SET updatedAtMs = :now",
      ExpressionAttributeNames: { "#source": "Source" },
      ExpressionAttributeValues: now,
    };
  }
  const [name, value] = kind === "vote" ? ["IMDB Votes", String(votes)] : ["IMDB Rating", "7.25"];
  return {
    UpdateExpression: "SET #name = :value, updatedAtMs = :now",
    ExpressionAttributeNames: { "#name": name },
    ExpressionAttributeValues: { ...now, ":value": { N: value } },
  };
};

const write = async (client: DynamoDBClient, { kind, film, votes }: FilmWrite): Promise<void> => {
  if (kind === "put") {
    await client.send(new PutItemCommand({ TableName: tableName, Item: stamped(film) }));
    return;
  }
  const target = { TableName: tableName, Key: { filmId: film.filmId } };
  if (kind === "remove") await client.send(new DeleteItemCommand(target));
  else await client.send(new UpdateItemCommand({ ...target, ...updateOf(kind, votes) }));
};

/** Executes the writes concurrently, spread over `durationMs`. With a `durationMs` of 0, writes at full speed. */
export const runWorkload = (
  client: DynamoDBClient,
  writes: readonly FilmWrite[],
  onWritten: (count: number) => void,
  durationMs = 0,
): Promise<void> => {
  const writeOne = async (one: FilmWrite): Promise<void> => {
    await write(client, one);
    onWritten(1);
  };
  return withWriters(writes, writeOne, durationMs);
};

/** Returns every item of the table by film id. The reads are consistent. */
export const readTable = async (client: DynamoDBClient): Promise<Map<string, FilmItem>> => {
  const items = new Map<string, FilmItem>();
  for await (const page of paginateScan({ client }, { TableName: tableName, ConsistentRead: true })) {
    for (const item of page.Items ?? []) items.set(item.filmId?.N ?? "", item as FilmItem);
  }
  return items;
};
