// Clients of the functions of a backfill and of a verify. Clients of the SDK are loaded when they are needed.

import type {
  BatchGetClient,
  MappingsClient,
  ObjectReader,
  ScanClient,
  StreamLagClient,
  TimeClient,
} from "@sluice/backfill";
import { checkOptionNames, type LazyClient, lazyClient, missingDependency, verifiedTls } from "@sluice/core/sink-kit";
import type { RunObjectsClient } from "./run-objects.ts";

/** The answer of `describeTable`, as far as the plan of a run needs it. */
export interface TableDescription {
  readonly Table?:
    | {
        readonly LatestStreamArn?: string | undefined;
        readonly StreamSpecification?:
          | { readonly StreamEnabled?: boolean | undefined; readonly StreamViewType?: string | undefined }
          | undefined;
        readonly KeySchema?: readonly { readonly AttributeName?: string | undefined }[] | undefined;
        readonly AttributeDefinitions?:
          | readonly { readonly AttributeName?: string | undefined; readonly AttributeType?: string | undefined }[]
          | undefined;
        readonly TableSizeBytes?: number | undefined;
        readonly BillingModeSummary?: { readonly BillingMode?: string | undefined } | undefined;
        readonly ProvisionedThroughput?: { readonly ReadCapacityUnits?: number | undefined } | undefined;
      }
    | undefined;
}

/** The calls of `DynamoDB` from `@aws-sdk/client-dynamodb` that a run makes; your own client fits. */
export interface SourceTableReader extends ScanClient, BatchGetClient, Omit<TimeClient, "describeTable"> {
  readonly describeTable: (input: { readonly TableName: string }) => Promise<TableDescription>;
}

/** Your own clients, of the SDK's classes `S3`, `DynamoDB`, `Lambda` and `CloudWatch`. All functions of a run may share one object. */
export interface CopyClients {
  readonly s3?: RunObjectsClient & ObjectReader;
  readonly dynamodb?: SourceTableReader;
  /** Lists the event source mappings of the table's stream. */
  readonly lambda?: MappingsClient;
  /** Reads the lag of the live stream. */
  readonly cloudwatch?: StreamLagClient;
}

/** @throws {ConfigError} CONFIG_INVALID for a client that no function of a run has. */
export const checkCopyClients = (factory: string, clients: CopyClients = {}): void =>
  checkOptionNames(`${factory}: clients`, clients, { s3: true, dynamodb: true, lambda: true, cloudwatch: true });

type Made = { readonly destroy: () => void };

const user = "the backfill workflow";

const sdk = { requestHandler: verifiedTls };

/** Returns the user's client, or loads an `S3` client at the first request. */
export const s3Connection = (given: CopyClients["s3"]): LazyClient<RunObjectsClient & ObjectReader> =>
  lazyClient(given, async () => {
    const { S3 } = await import("@aws-sdk/client-s3").catch(missingDependency(user, "@aws-sdk/client-s3"));
    return new S3(sdk) as unknown as RunObjectsClient & ObjectReader & Made;
  });

/** Returns the user's client, or loads a `DynamoDB` client at the first request. */
export const dynamodbConnection = (given: CopyClients["dynamodb"]): LazyClient<SourceTableReader> =>
  lazyClient(given, async () => {
    const name = "@aws-sdk/client-dynamodb";
    const { DynamoDB } = await import("@aws-sdk/client-dynamodb").catch(missingDependency(user, name));
    return new DynamoDB(sdk) as unknown as SourceTableReader & Made;
  });

/** Returns the user's client, or loads a `Lambda` client at the first request. */
export const mappingsConnection = (given: CopyClients["lambda"]): LazyClient<MappingsClient> =>
  lazyClient(given, async () => {
    const { Lambda } = await import("@aws-sdk/client-lambda").catch(missingDependency(user, "@aws-sdk/client-lambda"));
    return new Lambda(sdk) as MappingsClient & Made;
  });

/** Returns the user's client, or loads a `CloudWatch` client at the first request. */
export const lagConnection = (given: CopyClients["cloudwatch"]): LazyClient<StreamLagClient> =>
  lazyClient(given, async () => {
    const name = "@aws-sdk/client-cloudwatch";
    const { CloudWatch } = await import("@aws-sdk/client-cloudwatch").catch(missingDependency(user, name));
    return new CloudWatch(sdk) as StreamLagClient & Made;
  });
