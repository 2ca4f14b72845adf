export type { EnsureOptions } from "@sluice/core/sink-kit";
export type { DynamodbClient } from "./client/client.ts";
export type { DynamodbKeyMap, DynamodbSinkOptions, MovingKey, TargetKey } from "./options.ts";
export type { DynamodbEnsureOptions } from "./schema/ensure.ts";
export type { KeyAttribute } from "./schema/table.ts";
export { type DynamodbItem, type DynamodbMessage, type DynamodbSink, dynamodbSink, type LiveFilter } from "./sink.ts";
export { type AttributeValues, attributeValues } from "./write/marshal.ts";
