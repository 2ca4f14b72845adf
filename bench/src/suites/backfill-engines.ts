// Starts the engines of the suites backfill and verify, with a table of films as the source.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { type AwsClientConfig, startDynamodb, startPostgres } from "@sluice/local";
import pg from "pg";
import { filmsUpTo } from "../films.ts";
import { createFilmsTable } from "../films-table.ts";
import type { CopySetting } from "./backfill-entrant.ts";
import { serverOf, serverSettings } from "./postgres-content.ts";

const table = "SluiceBenchFilms";

/** The source and the target of a suite. */
export interface CopyEngines extends CopySetting {
  readonly client: DynamoDB;
  readonly items: number;
  /** Describes the engines. */
  readonly engines: string;
}

const withPool = async <Result>(url: string, use: (pool: pg.Pool) => Promise<Result>): Promise<Result> => {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
};

const withTable = async <Result>(
  client: DynamoDB,
  items: number,
  use: (streamArn: string) => Promise<Result>,
): Promise<Result> => {
  const { streamArn } = await createFilmsTable(client, table, await filmsUpTo(items));
  try {
    return await use(streamArn);
  } finally {
    await client.deleteTable({ TableName: table });
    client.destroy();
  }
};

/** Without the SDK's copy of each answer for its log, as in the client of the command. All contenders use this client. */
const clientOf = (config: AwsClientConfig): DynamoDB => {
  const client = new DynamoDB({ ...config, maxAttempts: 1 });
  client.middlewareStack.remove("loggerMiddleware");
  return client;
};

/** Starts the engines, puts so many items into the table, and stops the engines at the end. */
export const withCopyEngines = async <Result>(
  items: number,
  use: (engines: CopyEngines) => Promise<Result>,
): Promise<Result> => {
  const postgres = await startPostgres({ settings: serverSettings });
  try {
    const dynamodb = await startDynamodb({ maxHeapMb: 512 });
    try {
      const client = clientOf(dynamodb.clientConfig);
      return await withPool(await postgres.createDatabase(), (pool) =>
        withTable(client, items, async (streamArn) => {
          const engines = `DynamoDB Local; ${await serverOf(pool)}`;
          return use({ client, table, streamArn, pool, items, engines });
        }),
      );
    } finally {
      await dynamodb.stop();
    }
  } finally {
    await postgres.stop();
  }
};
