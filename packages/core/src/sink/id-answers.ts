// Batch answers that name entries by an id: SNS and SQS. The id is the entry's place in the request.

import { type AwsService, awsEntryError } from "./aws-error.ts";
import type { EntryAnswer } from "./batch-request.ts";

/** The answer to `PublishBatch` and `SendMessageBatch`: an HTTP 200 may hold failures. */
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

/** Entries, each with its place as its id. */
export const withIds = <Entry>(entries: readonly Entry[]): (Entry & { readonly Id: string })[] =>
  entries.map((entry, index) => ({ ...entry, Id: String(index) }));

/** What an answer says of each entry of its request, by place. An entry that it does not name has none. */
export const answersById = (sink: string, service: AwsService, { Successful, Failed }: IdAnswer): EntryAnswer[] => {
  const answers: EntryAnswer[] = [];
  for (const { Id } of Successful ?? []) answers[Number(Id)] = "taken";
  for (const { Id, Code, Message, SenderFault } of Failed ?? []) {
    answers[Number(Id)] = awsEntryError(sink, service, { code: Code, message: Message, isSenderFault: SenderFault });
  }
  return answers;
};
