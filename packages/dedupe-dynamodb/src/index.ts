export { type DynamodbDedupe, type DynamodbDedupeOptions, dynamodbDedupe } from "./dedupe.ts";
