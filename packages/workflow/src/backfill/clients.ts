// Clients of the functions of a backfill and of a verify. Clients of the SDK are loaded when they are needed.

import type { ObjectReader, ScanClient, TimeClient } from "@sluice/backfill";
import { checkOptionNames, type LazyClient, lazyClient, missingDependency, verifiedTls } from "@sluice/core/sink-kit";
import type { RunObjectsClient } from "./run-objects.ts";

/** The answer of `describeTable`, as far as the plan of a run needs it. */
export interface TableDescription {
  readonly Table?:
    | {
        readonly TableArn?: string | undefined;
        readonly LatestStreamArn?: string | undefined;
        readonly StreamSpecification?: { readonly StreamEnabled?: boolean | undefined } | undefined;
        readonly KeySchema?: readonly { readonly AttributeName?: string | undefined }[] | undefined;
        readonly TableSizeBytes?: number | undefined;
      }
    | undefined;
}

/** The calls of `DynamoDB` from `@aws-sdk/client-dynamodb` that a run makes; your own client fits. */
export interface SourceTableReader extends ScanClient, Omit<TimeClient, "describeTable"> {
  readonly describeTable: (input: { readonly TableName: string }) => Promise<TableDescription>;
}

/** Your own clients, of the SDK's classes `S3` and `DynamoDB`. All functions of a run may share one object. */
export interface CopyClients {
  readonly s3?: RunObjectsClient & ObjectReader;
  readonly dynamodb?: SourceTableReader;
}

/** @throws {ConfigError} CONFIG_INVALID for a client that no function of a run has. */
export const checkCopyClients = (factory: string, clients: CopyClients = {}): void =>
  checkOptionNames(`${factory}: clients`, clients, { s3: true, dynamodb: true });

type Made = { readonly destroy: () => void };

const user = "the backfill workflow";

/** Returns the user's client, or loads an `S3` client at the first request. */
export const s3Connection = (given: CopyClients["s3"]): LazyClient<RunObjectsClient & ObjectReader> =>
  lazyClient(given, async () => {
    const { S3 } = await import("@aws-sdk/client-s3").catch(missingDependency(user, "@aws-sdk/client-s3"));
    return new S3({ requestHandler: verifiedTls }) as unknown as RunObjectsClient & ObjectReader & Made;
  });

/** Returns the user's client, or loads a `DynamoDB` client at the first request. */
export const dynamodbConnection = (given: CopyClients["dynamodb"]): LazyClient<SourceTableReader> =>
  lazyClient(given, async () => {
    const name = "@aws-sdk/client-dynamodb";
    const { DynamoDB } = await import("@aws-sdk/client-dynamodb").catch(missingDependency(user, name));
    return new DynamoDB({ requestHandler: verifiedTls }) as unknown as SourceTableReader & Made;
  });
