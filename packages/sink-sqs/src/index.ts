export type { SqsMessage } from "./encode.ts";
export type { SqsClient, SqsSinkOptions } from "./options.ts";
export { sqsSink } from "./sink.ts";
