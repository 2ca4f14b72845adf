// Answers to batch requests that name entries by an id: SNS and SQS. The id of an entry is its index in the request.

import { type AwsService, awsEntryError } from "./aws-error.ts";
import type { EntryAnswer } from "./batch-request.ts";

/** The answer to `PublishBatch` and `SendMessageBatch`. An HTTP 200 may contain failures. */
export interface IdAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined;
        readonly Code?: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault?: boolean | undefined;
      }[]
    | undefined;
}

/** The entries, with their indices as ids. */
export const withIds = <Entry>(entries: readonly Entry[]): (Entry & { readonly Id: string })[] =>
  entries.map((entry, index) => ({ ...entry, Id: String(index) }));

/** The answers to the entries of a request, by index. An entry that the answer does not name has no answer. */
export const answersById = (sink: string, service: AwsService, { Successful, Failed }: IdAnswer): EntryAnswer[] => {
  const answers: EntryAnswer[] = [];
  for (const { Id } of Successful ?? []) answers[Number(Id)] = "taken";
  for (const { Id, Code, Message, SenderFault } of Failed ?? []) {
    answers[Number(Id)] = awsEntryError(sink, service, { code: Code, message: Message, isSenderFault: SenderFault });
  }
  return answers;
};
