// The source: a DynamoDB table with a stream, loaded with films and then kept busy.

import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import type { FilmItem } from "./films-data.ts";
import { seededRandom } from "./random.ts";

/** A name of its own, because the engine may be one that was there before. */
export const tableName: string = `SluiceDemoFilms${Date.now()}`;

const writersAtOnce = 8;
/** BatchWriteItem takes 25. */
const batchSize = 25;

/** A film that the replica will refuse: a real one, the longest ever made, against a rule that knew none so long. */
export const poisonFilm: FilmItem = {
  filmId: { N: "100001" },
  Title: { S: "Logistics" },
  "Release Date": { S: "Dec 1 2012" },
  "Running Time min": { N: "51420" },
};

const stamped = (film: FilmItem): FilmItem => ({ ...film, updatedAtMs: { N: String(Date.now()) } });

/** Creates the table and returns its stream's ARN. */
export const createTable = async (client: DynamoDBClient): Promise<string> => {
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName: tableName,
      KeySchema: [{ AttributeName: "filmId", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "filmId", AttributeType: "N" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 1 }, { TableName: tableName });
  if (TableDescription?.LatestStreamArn === undefined) throw new Error("the table has no stream");
  return TableDescription.LatestStreamArn;
};

/** Runs the jobs with a few writers at once, each taking the next when its time has come. */
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
  await Promise.all(Array.from({ length: writersAtOnce }, writer));
};

const putBatch = async (client: DynamoDBClient, films: readonly FilmItem[]): Promise<void> => {
  let requests = films.map((film) => ({ PutRequest: { Item: stamped(film) } }));
  while (requests.length > 0) {
    const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }));
    requests = (answer.UnprocessedItems?.[tableName] ?? []) as typeof requests;
  }
};

/** Puts all films; `onWritten` is told how many at a time. */
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

/** One write of the workload. */
export interface Write {
  readonly kind: "vote" | "correct" | "forget" | "remove" | "put";
  readonly film: FilmItem;
  /** The number of votes that a vote leaves. */
  readonly votes: number;
}

/** Half of the writes are votes; the rest corrects, forgets attributes, removes, or puts again what was removed. */
export const workload = (films: readonly FilmItem[], writes: number, seed: number): Write[] => {
  const random = seededRandom(seed);
  const removed: FilmItem[] = [];
  const kinds = ["vote", "vote", "vote", "vote", "correct", "correct", "forget", "remove", "put"] as const;
  const list: Write[] = [];
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
  list.splice(Math.floor(writes / 2), 0, { kind: "put", film: poisonFilm, votes: 0 });
  return list;
};

const updateOf = (kind: "vote" | "correct" | "forget", votes: number) => {
  const now = { ":now": { N: String(Date.now()) } };
  if (kind === "forget") {
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

const write = async (client: DynamoDBClient, { kind, film, votes }: Write): Promise<void> => {
  if (kind === "put") {
    await client.send(new PutItemCommand({ TableName: tableName, Item: stamped(film) }));
    return;
  }
  const target = { TableName: tableName, Key: { filmId: film.filmId } };
  if (kind === "remove") await client.send(new DeleteItemCommand(target));
  else await client.send(new UpdateItemCommand({ ...target, ...updateOf(kind, votes) }));
};

/** Makes the writes, a few at once: as fast as they go, or spread over a time. */
export const runWorkload = (
  client: DynamoDBClient,
  writes: readonly Write[],
  onWritten: (count: number) => void,
  durationMs = 0,
): Promise<void> => {
  const writeOne = async (one: Write): Promise<void> => {
    await write(client, one);
    onWritten(1);
  };
  return withWriters(writes, writeOne, durationMs);
};

/** Every item that the table holds, read consistently, by film id. */
export const readTable = async (client: DynamoDBClient): Promise<Map<string, FilmItem>> => {
  const items = new Map<string, FilmItem>();
  for await (const page of paginateScan({ client }, { TableName: tableName, ConsistentRead: true })) {
    for (const item of page.Items ?? []) items.set(item.filmId?.N ?? "", item as FilmItem);
  }
  return items;
};
