// Turns an error of the AWS SDK into an error with a message of one line.

import { type AwsService, awsRequestError } from "@sluice/core/sink-kit";
import { CommandError } from "../command-line/command-error.ts";

const service: AwsService = {
  name: "AWS",
  codes: { NonExistentQueue: "SINK_MISSING", QueueDoesNotExist: "SINK_MISSING", ResourceNotFound: "SINK_MISSING" },
};

/** Returns a text for the end of the error's message. The text tells the user what to do. */
const hintFor = (error: unknown, name: string): string => {
  if (name === "CredentialsProviderError") return "; expected credentials in the environment, or --profile";
  const { code } = awsRequestError("aws", service, error);
  if (code === "SINK_MISSING") return "; expected its name, account and region to be right";
  return code === "SINK_DENIED" ? "; expected permission, or other credentials" : "";
};

/** Creates the error for a failed request. `subject` is what the request was about, such as `the queue …`. */
export const awsFailure = (subject: string, error: unknown): CommandError => {
  const { name, message, code }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  // If a host has several addresses, Node throws an AggregateError that has a code but no message.
  const text = message || code || name;
  if (text === "Region is missing") {
    return new CommandError(`${subject}: no region was found; expected --region or AWS_REGION`, { cause: error });
  }
  const [line = ""] = text.split("\n");
  const found = `${name === "Error" ? "" : `${name}: `}${line.replace(/\.$/, "")}`;
  return new CommandError(`${subject}: ${found}${hintFor(error, name)}`, { cause: error });
};

/** Returns a function to pass to a promise's `catch`. The function throws the result of `awsFailure`. */
export const failing =
  (subject: string) =>
  (error: unknown): never => {
    throw awsFailure(subject, error);
  };
