// The rights that the console of a deployment needs.

import { doctorActions } from "@sluice/inspect";
import type { PolicyRequest } from "./options.ts";

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string;
}

const statement = (Sid: string, actions: readonly string[], resource = "*"): Statement => ({
  Sid,
  Effect: "Allow",
  Action: actions,
  Resource: resource,
});

/** Records of dead letters in the pipeline's store. A console that only reads deletes none. */
const payloads = ({ payloadStore, rights }: PolicyRequest): readonly Statement[] => {
  if (payloadStore === undefined) return [];
  const actions = rights === "read" ? ["s3:GetObject"] : ["s3:DeleteObject", "s3:GetObject"];
  return [statement("SluiceConsolePayloads", actions, `arn:aws:s3:::${payloadStore.bucket}/${payloadStore.prefix}*`)];
};

/** What the overview and the doctor ask. */
const look = [...doctorActions, "cloudwatch:ListMetrics"].sort();

/** Receives messages, and makes them visible again. */
const inspect = ["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"];

const redrive = ["lambda:InvokeFunction", "sqs:DeleteMessage"];

/** What the trace of an item and a verification read of the table, its stream and the log. */
const items = [
  "dynamodb:BatchGetItem",
  "dynamodb:GetItem",
  "dynamodb:GetRecords",
  "dynamodb:GetShardIterator",
  "dynamodb:Scan",
  "logs:FilterLogEvents",
];

/**
 * A policy of IAM that allows the console's calls, and no more than its options need. The caller's role needs it, not the
 * function's. Targets that the pipeline's module reads are not in it.
 */
export const consolePolicy = (request: PolicyRequest): object => ({
  Version: "2012-10-17",
  Statement: [
    statement("SluiceConsoleLooks", look),
    statement("SluiceConsoleReadsDeadLetters", inspect),
    ...(request.rights === "read" ? [] : [statement("SluiceConsoleRedrives", redrive)]),
    ...(request.hasModule ? [statement("SluiceConsoleReadsItems", items)] : []),
    ...payloads(request),
  ],
});
