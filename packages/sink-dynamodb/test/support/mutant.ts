// Each of these clients breaks one part of the guard. The convergence test must fail with each client.

import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { DynamodbClient } from "../../src/index.ts";

/** How a client changes commands. */
interface Mutation {
  /** Returns the command that replaces a PutItem command, or undefined to send no command. */
  readonly put: (input: PutItemCommandInput) => PutItemCommand | DeleteItemCommand | undefined;
  /** Returns the guard that replaces the guard of an UpdateItem command. */
  readonly guard?: (guard: Guard) => Guard;
}

type Guard = NonNullable<PutItemCommandInput["Item"]>[string];

const without = ({ Item, TableName }: PutItemCommandInput): PutItemCommandInput => ({ Item, TableName });

const isTombstone = ({ Item }: PutItemCommandInput): boolean => Item?._sluice?.M?.removed !== undefined;

const keyOf = ({ Item = {} }: PutItemCommandInput) =>
  Object.fromEntries(Object.entries(Item).filter(([name]) => !name.startsWith("_sluice")));

const withoutMember =
  (name: string) =>
  (guard: Guard): Guard => {
    const { [name]: _, ...members } = guard.M ?? {};
    return { M: members };
  };

/** Removes a member from the guard of each command. */
const forgetting = (name: string): Mutation => {
  const guard = withoutMember(name);
  return {
    put: (input) =>
      new PutItemCommand({ ...input, Item: { ...input.Item, _sluice: guard(input.Item?._sluice as Guard) } }),
    guard,
  };
};

/** For each part of the guard, a mutation that breaks this part. */
export const mutations: Readonly<
  Record<"comparison" | "tombstone" | "old keys" | "owner" | "departures" | "hidden copies", Mutation>
> = {
  comparison: { put: (input) => new PutItemCommand(without(input)) },
  // Deletes the item instead of writing a tombstone, so that the item's version is lost.
  tombstone: {
    put: (input) => {
      if (!isTombstone(input)) return new PutItemCommand(input);
      const { TableName, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = input;
      const condition = { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues };
      return new DeleteItemCommand({ TableName, Key: keyOf(input), ...condition });
    },
  },
  "old keys": { put: (input) => (isTombstone(input) ? undefined : new PutItemCommand(input)) },
  owner: {
    put: (input) => {
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
  },
  departures: forgetting("left"),
  "hidden copies": forgetting("held"),
};

const updateWith = ({ guard = (same) => same }: Mutation, command: UpdateItemCommand): UpdateItemCommand => {
  const { ":g": given, ...values } = command.input.ExpressionAttributeValues ?? {};
  const ExpressionAttributeValues = { ...values, ":g": guard(given as Guard) };
  return new UpdateItemCommand({ ...command.input, ExpressionAttributeValues });
};

/** Returns the command that the client sends, or undefined to send no command. */
const commandFor = (mutation: Mutation, given: unknown): unknown => {
  if (given instanceof PutItemCommand) return mutation.put(given.input);
  return given instanceof UpdateItemCommand ? updateWith(mutation, given) : given;
};

/** Wraps a client, so that `mutation` changes each command that writes. */
export const mutant = (client: DynamoDBClient, mutation: Mutation): DynamodbClient => ({
  send: async (command: never, options) => {
    const sent = commandFor(mutation, command);
    return sent === undefined ? {} : client.send(sent as never, { ...options });
  },
});
