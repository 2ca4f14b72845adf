export type { SnsMessage, SnsProtocol } from "./encode.ts";
export type { SnsClient, SnsOptions } from "./options.ts";
export { sns } from "./sink.ts";
