// The SDK's clients with which this package reads. Every call that it makes is a Describe, Get, List or Simulate.

import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreams } from "@aws-sdk/client-dynamodb-streams";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { SQS } from "@aws-sdk/client-sqs";

/** The clients of a deployment's region. */
export interface Clients {
  readonly lambda: Lambda;
  readonly dynamodb: DynamoDB;
  readonly streams: DynamoDBStreams;
  readonly sqs: SQS;
  readonly iam: IAM;
  readonly cloudwatch: CloudWatch;
  readonly logs: CloudWatchLogs;
}

/** A service, as the SDK's variable `AWS_ENDPOINT_URL_…` names it. */
export type Service = "LAMBDA" | "DYNAMODB" | "DYNAMODB_STREAMS" | "SQS" | "IAM" | "CLOUDWATCH" | "CLOUDWATCH_LOGS";

/**
 * Opens the clients.
 * @param configOf returns the configuration for a service: region, endpoint, credentials; what is left out has the SDK's default.
 */
export const openClients = (configOf: (service: Service) => object): Clients => ({
  lambda: new Lambda(configOf("LAMBDA")),
  dynamodb: new DynamoDB(configOf("DYNAMODB")),
  streams: new DynamoDBStreams(configOf("DYNAMODB_STREAMS")),
  sqs: new SQS(configOf("SQS")),
  iam: new IAM(configOf("IAM")),
  cloudwatch: new CloudWatch(configOf("CLOUDWATCH")),
  logs: new CloudWatchLogs(configOf("CLOUDWATCH_LOGS")),
});

/** Closes the clients' connections. */
export const closeClients = (clients: Clients): void => {
  for (const client of Object.values(clients)) client.destroy();
};
