export type { SnsMessage, SnsProtocol } from "./encode.ts";
export type { SnsClient, SnsSinkOptions } from "./options.ts";
export { snsSink } from "./sink.ts";
