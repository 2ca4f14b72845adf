// Creates clients of the AWS SDK. If the user sets no AWS options, the SDK finds credentials and region as usual.

import type { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { DynamoDBStreams } from "@aws-sdk/client-dynamodb-streams";
import type { Lambda } from "@aws-sdk/client-lambda";
import type { S3 } from "@aws-sdk/client-s3";
import type { SQS } from "@aws-sdk/client-sqs";
import { verifiedTls } from "@sluice/core/sink-kit";
import type { OptionValues } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { regionIn } from "./region.ts";

/** The user's options for AWS. */
export interface AwsOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  readonly endpointUrl?: string | undefined;
}

/** The options for AWS that every command has. */
export const awsOptions = {
  profile: {
    type: "string",
    value: "NAME",
    help: "profile of the AWS configuration (default: the SDK's default chain)",
  },
  region: {
    type: "string",
    value: "NAME",
    help: "AWS region (default: the one in the queue's URL or the function's ARN, then the SDK's default chain)",
  },
  "endpoint-url": {
    type: "string",
    value: "URL",
    help: "endpoint of all AWS services, for local engines; AWS_ENDPOINT_URL_DYNAMODB, _DYNAMODB_STREAMS, _SQS, _S3, _LAMBDA, _IAM, _CLOUDWATCH and _CLOUDWATCH_LOGS override it",
  },
} as const;

/** Reads the options for AWS. @throws {CommandError} when `--endpoint-url` is not a URL, or `--region` does not look like the name of a region */
export const awsOptionsIn = (values: OptionValues<typeof awsOptions>): AwsOptions => {
  const { profile, region, "endpoint-url": endpointUrl } = values;
  if (region !== undefined && !/^[a-z0-9-]+$/.test(region)) {
    throw new CommandError(`--region is "${region}"; expected a region such as eu-central-1`);
  }
  if (endpointUrl === undefined || (/^https?:\/\//.test(endpointUrl) && URL.canParse(endpointUrl)))
    return { profile, region, endpointUrl };
  throw new CommandError(`--endpoint-url is "${endpointUrl}"; expected a URL such as http://127.0.0.1:4566`);
};

/** Maximum attempts of a Lambda call. Six attempts take some seconds, in which Lambda may stop throttling. */
const lambdaMaxAttempts = 6;

/** The part of a client's configuration that the user's options decide. */
export interface ClientConfig {
  readonly requestHandler: typeof verifiedTls;
  readonly profile?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Returns a client's configuration. The region is the user's option or, if not given, the region in `address`. */
export const clientConfig = (
  options: AwsOptions,
  service: "DYNAMODB" | "DYNAMODB_STREAMS" | "SQS" | "S3" | "LAMBDA" | "IAM" | "CLOUDWATCH" | "CLOUDWATCH_LOGS",
  address: string,
): ClientConfig => {
  const endpoint = process.env[`AWS_ENDPOINT_URL_${service}`] ?? options.endpointUrl;
  const region = options.region ?? regionIn(address);
  return {
    requestHandler: verifiedTls,
    ...(options.profile !== undefined && { profile: options.profile }),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
};

/** Creates the client for a queue. */
export const sqsClient = async (options: AwsOptions, queueUrl: string): Promise<SQS> => {
  const { SQS } = await import("@aws-sdk/client-sqs");
  // The SDK always sends requests to the URL's host. `endpoint` only prevents a warning for a host outside AWS.
  const own = regionIn(queueUrl) === undefined ? { endpoint: new URL(queueUrl).origin } : {};
  return new SQS({ ...own, ...clientConfig(options, "SQS", queueUrl) });
};

/** Creates the client for a table. `address` may be the table's ARN, which has a region. */
export const dynamodbClient = async (options: AwsOptions, address: string): Promise<DynamoDB> => {
  const { DynamoDB } = await import("@aws-sdk/client-dynamodb");
  const client = new DynamoDB(clientConfig(options, "DYNAMODB", address));
  // Even without a logger, the SDK copies each answer for its log. This takes half of a scan's CPU time.
  client.middlewareStack.remove("loggerMiddleware");
  return client;
};

/** Creates the client for a stream. `arn` is the stream's ARN, which has a region. */
export const streamsClient = async (options: AwsOptions, arn: string): Promise<DynamoDBStreams> => {
  const { DynamoDBStreams } = await import("@aws-sdk/client-dynamodb-streams");
  return new DynamoDBStreams(clientConfig(options, "DYNAMODB_STREAMS", arn));
};

/** Creates the client for a function's log. `address` may be the function's ARN, which has a region. */
export const logsClient = async (options: AwsOptions, address: string): Promise<CloudWatchLogs> => {
  const { CloudWatchLogs } = await import("@aws-sdk/client-cloudwatch-logs");
  return new CloudWatchLogs(clientConfig(options, "CLOUDWATCH_LOGS", address));
};

/** Creates the client for a function. */
export const lambdaClient = async (options: AwsOptions, functionName: string): Promise<Lambda> => {
  const { Lambda } = await import("@aws-sdk/client-lambda");
  return new Lambda({ ...clientConfig(options, "LAMBDA", functionName), maxAttempts: lambdaMaxAttempts });
};

/** Creates the client of S3. */
export const s3Client = async (options: AwsOptions): Promise<S3> => {
  const { S3 } = await import("@aws-sdk/client-s3");
  const config = clientConfig(options, "S3", "");
  // A local S3 server usually has no host name for each bucket, so the URL's path must contain the bucket.
  return new S3({ ...config, followRegionRedirects: true, forcePathStyle: config.endpoint !== undefined });
};
