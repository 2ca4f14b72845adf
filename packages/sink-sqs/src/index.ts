export type { SqsMessage } from "./encode.ts";
export type { SqsClient, SqsOptions } from "./options.ts";
export { sqs } from "./sink.ts";
