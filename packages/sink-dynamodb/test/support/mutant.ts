// Each of these clients breaks one part of the guard. The convergence test must fail with each client.

import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import type { DynamodbClient } from "../../src/index.ts";

/** Returns the command that replaces a PutItem command, or undefined to send no command. */
type Mutation = (input: PutItemCommandInput) => PutItemCommand | DeleteItemCommand | undefined;

const without = ({ Item, TableName }: PutItemCommandInput): PutItemCommandInput => ({ Item, TableName });

const isTombstone = ({ Item }: PutItemCommandInput): boolean => Item?._sluice?.M?.removed !== undefined;

const keyOf = ({ Item = {} }: PutItemCommandInput) =>
  Object.fromEntries(Object.entries(Item).filter(([name]) => !name.startsWith("_sluice")));

/** For each part of the guard, a mutation that breaks this part. */
export const mutations: Readonly<Record<"comparison" | "tombstone" | "old keys" | "owner" | "departures", Mutation>> = {
  comparison: (input) => new PutItemCommand(without(input)),
  // Deletes the item instead of writing a tombstone, so that the item's version is lost.
  tombstone: (input) => {
    if (!isTombstone(input)) return new PutItemCommand(input);
    const { TableName, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = input;
    const condition = { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues };
    return new DeleteItemCommand({ TableName, Key: keyOf(input), ...condition });
  },
  "old keys": (input) => (isTombstone(input) ? undefined : new PutItemCommand(input)),
  owner: (input) => {
    const { "#g": guard = "", "#v": version = "" } = input.ExpressionAttributeNames ?? {};
    const { ":v": value } = input.ExpressionAttributeValues ?? {};
    if (value === undefined || version === "") return new PutItemCommand(input);
    return new PutItemCommand({
      ...without(input),
      ConditionExpression: "attribute_not_exists(#g.#v) OR #g.#v < :v",
      ExpressionAttributeNames: { "#g": guard, "#v": version },
      ExpressionAttributeValues: { ":v": value },
    });
  },
  departures: (input) => {
    const { left: _, ...guard } = input.Item?._sluice?.M ?? {};
    return new PutItemCommand({ ...input, Item: { ...input.Item, _sluice: { M: guard } } });
  },
};

/** Wraps a client, so that `mutation` replaces each PutItem command. */
export const mutant = (client: DynamoDBClient, mutation: Mutation): DynamodbClient => ({
  send: async (command: never, options) => {
    const given: unknown = command;
    const sent = given instanceof PutItemCommand ? mutation(given.input) : given;
    return sent === undefined ? {} : client.send(sent as never, { ...options });
  },
});
