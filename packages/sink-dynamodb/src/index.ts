export type { DynamodbClient } from "./client.ts";
export type { EnsureOptions, KeyAttribute } from "./ensure.ts";
export type { KeyMap, MovingKey, TargetKey } from "./key.ts";
export { type AttributeValues, attributeValues } from "./marshal.ts";
export type { DynamodbSinkOptions } from "./options.ts";
export { type DynamodbItem, type DynamodbMessage, type DynamodbSink, dynamodbSink, type LiveFilter } from "./sink.ts";
