// Turns errors of the SDK into one line for people.

import { CommandError } from "../command-line/command-error.ts";

/** What the user can do, by the error's name. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/^CredentialsProviderError$/, "; expected credentials in the environment, or --profile"],
  [/QueueDoesNotExist|NonExistentQueue|ResourceNotFound/, "; expected its name, account and region to be right"],
  [
    /AccessDenied|Forbidden|UnrecognizedClient|InvalidClientTokenId|ExpiredToken/,
    "; expected permission, or other credentials",
  ],
];

/** Creates the error for a failed request. `subject` says what the request was about: `the queue …`. */
export const awsFailure = (subject: string, error: unknown): CommandError => {
  const { name, message, code }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  // Node's AggregateError for a host with several addresses has a code and no message.
  const text = message || code || name;
  if (text === "Region is missing") {
    return new CommandError(`${subject}: no region was found; expected --region or AWS_REGION`, { cause: error });
  }
  const hint = hints.find(([pattern]) => pattern.test(name))?.[1] ?? "";
  const [line = ""] = text.split("\n");
  const found = `${name === "Error" ? "" : `${name}: `}${line.replace(/\.$/, "")}`;
  return new CommandError(`${subject}: ${found}${hint}`, { cause: error });
};

/** Returns the `catch` of a request about that subject. @throws {CommandError} */
export const failing =
  (subject: string) =>
  (error: unknown): never => {
    throw awsFailure(subject, error);
  };
