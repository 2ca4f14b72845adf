// What the SDK throws, in one line for people.

import { CommandError } from "../command-line/command-error.ts";

/** What people can do about it. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/^CredentialsProviderError$/, "; expected credentials in the environment, or --profile"],
  [/QueueDoesNotExist|NonExistentQueue|ResourceNotFound/, "; expected its name, account and region to be right"],
  [
    /AccessDenied|Forbidden|UnrecognizedClient|InvalidClientTokenId|ExpiredToken/,
    "; expected permission, or other credentials",
  ],
];

const fieldsOf = (error: unknown): { readonly name: string; readonly text: string } => {
  if (!(error instanceof Error)) return { name: "Error", text: String(error) };
  // Node's AggregateError, of a host with several addresses, has a code and no message.
  const { code } = error as NodeJS.ErrnoException;
  return { name: error.name, text: error.message || code || error.name };
};

/** The SDK's error, about what it was asked for: `the queue …`. */
export const awsFailure = (what: string, error: unknown): CommandError => {
  const { name, text } = fieldsOf(error);
  if (text === "Region is missing") {
    return new CommandError(`${what}: no region was found; expected --region or AWS_REGION`, { cause: error });
  }
  const hint = hints.find(([pattern]) => pattern.test(name))?.[1] ?? "";
  const [line = ""] = text.split("\n");
  return new CommandError(`${what}: ${name === "Error" ? "" : `${name}: `}${line.replace(/\.$/, "")}${hint}`, {
    cause: error,
  });
};
