export type { DynamodbClient } from "./client/client.ts";
export type { DynamodbSinkOptions } from "./options.ts";
export type { EnsureOptions, KeyAttribute } from "./schema/ensure.ts";
export { type DynamodbItem, type DynamodbMessage, type DynamodbSink, dynamodbSink, type LiveFilter } from "./sink.ts";
export type { KeyMap, MovingKey, TargetKey } from "./write/key.ts";
export { type AttributeValues, attributeValues } from "./write/marshal.ts";
