export type { EventBridgeMessage } from "./encode.ts";
export type { EventBridgeClient, EventBridgeSinkOptions } from "./options.ts";
export { eventbridgeSink } from "./sink.ts";
