// DynamoDB targets with one defect each. Each defect is caused by a change to the sink's commands.

import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import type { DynamodbClient } from "@sluice/sink-dynamodb";
import type { DynamodbMutation } from "./dynamodb-target.ts";

type Command = PutItemCommand | DeleteItemCommand;

const sending = (commandFor: (input: PutItemCommandInput) => Command): DynamodbMutation => ({
  client: (real: DynamoDBClient): DynamodbClient => ({
    send: async (command: never, options) => {
      const given: unknown = command;
      return real.send((given instanceof PutItemCommand ? commandFor(given.input) : given) as never, { ...options });
    },
  }),
});

const unconditional = ({ Item, TableName }: PutItemCommandInput): PutItemCommand =>
  new PutItemCommand({ Item, TableName });

const isTombstone = ({ Item }: PutItemCommandInput): boolean => Item?._sluice?.M?.removed !== undefined;

/** Returns a command that deletes the item. The version of the item is then deleted too. */
const deletion = (input: PutItemCommandInput): DeleteItemCommand => {
  const { TableName, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues, Item = {} } = input;
  const Key = Object.fromEntries(Object.entries(Item).filter(([name]) => name === "pk" || name === "sk"));
  const condition = { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues };
  return new DeleteItemCommand({ TableName, Key, ...condition });
};

/** The defects, each with the mutation that causes the defect. */
export const dynamodbMutants: Readonly<Record<string, DynamodbMutation>> = {
  "does not compare versions": sending(unconditional),
  "prefers the older version": sending((input) => {
    const { ConditionExpression = "" } = input;
    return new PutItemCommand({ ...input, ConditionExpression: ConditionExpression.replace(/<=?/g, ">") });
  }),
  "keeps no tombstones": sending((input) => (isTombstone(input) ? deletion(input) : new PutItemCommand(input))),
  "does not compare the versions of removals": sending((input) =>
    isTombstone(input) ? unconditional(input) : new PutItemCommand(input),
  ),
};
