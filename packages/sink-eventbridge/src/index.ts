export type { EventBridgeMessage } from "./encode.ts";
export type { EventBridgeClient, EventBridgeOptions } from "./options.ts";
export { eventbridge } from "./sink.ts";
