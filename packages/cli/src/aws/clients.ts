// The SDK's clients, loaded when they are needed, with credentials and region from its own default chain.

import type { Lambda } from "@aws-sdk/client-lambda";
import type { S3 } from "@aws-sdk/client-s3";
import type { SQS } from "@aws-sdk/client-sqs";
import type { OptionValues } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { regionIn } from "./region.ts";

/** What the user said about AWS; all else is the SDK's default chain. */
export interface AwsOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  readonly endpointUrl?: string | undefined;
}

/** The options that every command has for AWS. */
export const awsOptions = {
  profile: { type: "string", value: "NAME", help: "profile of the AWS configuration (default: the SDK's own chain)" },
  region: {
    type: "string",
    value: "NAME",
    help: "AWS region (default: the one in the queue's URL or the function's ARN, else the SDK's own chain)",
  },
  "endpoint-url": {
    type: "string",
    value: "URL",
    help: "address of SQS, S3 and Lambda, for local ones; AWS_ENDPOINT_URL_SQS, _S3 and _LAMBDA go before it",
  },
} as const;

/** What the options say. @throws {CommandError} when the endpoint is no URL */
export const awsOptionsIn = (values: OptionValues<typeof awsOptions>): AwsOptions => {
  const { profile, region, "endpoint-url": endpointUrl } = values;
  if (endpointUrl === undefined || (/^https?:\/\//.test(endpointUrl) && URL.canParse(endpointUrl)))
    return { profile, region, endpointUrl };
  throw new CommandError(`--endpoint-url is "${endpointUrl}"; expected a URL such as http://127.0.0.1:4566`);
};

/** A function at its limit of concurrency is asked again for some seconds. */
const lambdaTries = 6;

type Service = "SQS" | "S3" | "LAMBDA";

const endpointOf = ({ endpointUrl }: AwsOptions, service: Service): string | undefined =>
  process.env[`AWS_ENDPOINT_URL_${service}`] ?? endpointUrl;

/** @param address What the request is about: its region is the one to ask, unless the user names another. */
const configOf = (options: AwsOptions, service: Service, address: string) => {
  const endpoint = endpointOf(options, service);
  const region = options.region ?? regionIn(address);
  return {
    ...(options.profile !== undefined && { profile: options.profile }),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
};

export const sqsClient = async (options: AwsOptions, queueUrl: string): Promise<SQS> => {
  const { SQS } = await import("@aws-sdk/client-sqs");
  // The SDK asks the host in the URL anyway, and complains where that is none of AWS' own.
  const own = regionIn(queueUrl) === undefined ? { endpoint: new URL(queueUrl).origin } : {};
  return new SQS({ ...own, ...configOf(options, "SQS", queueUrl) });
};

export const lambdaClient = async (options: AwsOptions, functionName: string): Promise<Lambda> => {
  const { Lambda } = await import("@aws-sdk/client-lambda");
  return new Lambda({ ...configOf(options, "LAMBDA", functionName), maxAttempts: lambdaTries });
};

export const s3Client = async (options: AwsOptions): Promise<S3> => {
  const { S3 } = await import("@aws-sdk/client-s3");
  const config = configOf(options, "S3", "");
  // A local S3 has no host for each bucket.
  return new S3({
    ...config,
    followRegionRedirects: true,
    ...(config.endpoint !== undefined && { forcePathStyle: true }),
  });
};
