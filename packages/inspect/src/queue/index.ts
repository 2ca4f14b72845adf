export {
  type MessageSource,
  type ReceiveEnd,
  type SourceMessage,
  type SourceStatus,
  stillHidden,
} from "./message-source.ts";
export { type QueueSourceOptions, queueSource, type SourceQueueClient } from "./queue-source.ts";
