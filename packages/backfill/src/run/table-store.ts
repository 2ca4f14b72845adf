// Keeps the state of a run in an item of the dedupe table. Each save expects the item that this process wrote before.

import { randomUUID } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import type { SdkItem } from "@sluice/core/sink-kit";
import { type RunState, RunStateError } from "./run-state.ts";
import { type RunStore, takenBy } from "./run-store.ts";
import { stateIn, stateText } from "./state-text.ts";

/** The methods of the SDK's client `DynamoDB` that the store calls. You may pass your own client of that class. */
export interface RunTableClient {
  readonly getItem: (input: {
    TableName: string;
    Key: { [name: string]: { S: string } };
    ConsistentRead: boolean;
  }) => Promise<{ readonly Item?: { readonly [name: string]: object } | undefined }>;
  readonly putItem: (input: {
    TableName: string;
    Item: SdkItem;
    ConditionExpression: string;
    ExpressionAttributeNames: { [name: string]: string };
    ExpressionAttributeValues?: { [name: string]: { S: string } };
  }) => Promise<unknown>;
}

/** Where the item is. */
export interface TableStoreOptions {
  readonly client: RunTableClient;
  /** The table of `dynamodbDedupe`, or another one with the text keys `pk` and `sk`. */
  readonly table: string;
  readonly run: string;
}

/** The dedupe table's partitions begin with the kind of their items: `journal#`, `lease#`, `pending#`. */
const keyOf = (run: string): { pk: { S: string }; sk: { S: string } } => ({
  pk: { S: `run#${run}` },
  sk: { S: "state" },
});

/** The table's TTL attribute is `expiration`. A run can be resumed for 14 days. */
const keptForSeconds = 30 * 86_400;

/** An item has at most 409,600 bytes. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (read 2026-11-28) */
const maxStateBytes = 400_000;

const textIn = (item: { readonly [name: string]: object }, place: string): string => {
  const { B } = (item.state ?? {}) as { readonly B?: Uint8Array };
  try {
    if (B !== undefined) return gunzipSync(B).toString();
  } catch (cause) {
    throw new RunStateError(`${place} has a state that is no gzip text; expected the state of a run`, { cause });
  }
  throw new RunStateError(`${place} has no binary attribute state; expected the state of a run`);
};

const packed = (state: RunState, place: string): Uint8Array => {
  const bytes = gzipSync(stateText(state));
  if (bytes.length <= maxStateBytes) return bytes;
  const found = `the state has ${bytes.length} bytes, with ${state.units.length} units`;
  throw new RunStateError(`${place}: ${found}; expected at most ${maxStateBytes}: keep it in a file or in S3`);
};

/** DynamoDB refuses the key of the item if the table has another one. Its answer does not say which. */
const wrongKeys = (place: string, cause: Error): RunStateError =>
  new RunStateError(`${place} cannot be read: ${cause.message}; expected a table with the text keys pk and sk`, {
    cause,
  });

/** The condition under which a write replaces no state of another program. */
interface WriteCondition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: { [name: string]: string };
  readonly ExpressionAttributeValues: { [name: string]: { S: string } };
}

/**
 * Keeps the state of a run in an item of a table. `open` writes the item again, so a process that worked on the run before
 * notices at its next save, and ends.
 */
export const tableStore = ({ client, table, run }: TableStoreOptions): RunStore => {
  const place = `the item run#${run} of table ${table}`;
  const writer = randomUUID();
  /** The writer of the item as this process knows it. Undefined: there is no item. */
  let known: string | undefined;
  const save = async (state: RunState): Promise<void> => {
    const expiration = { N: String(Math.ceil(Date.now() / 1_000) + keptForSeconds) };
    const Item = { ...keyOf(run), writer: { S: writer }, expiration, state: { B: packed(state, place) } };
    // When an answer is lost, the SDK repeats the request, and finds the item that it wrote.
    const isKnown: WriteCondition =
      known === undefined
        ? {
            ConditionExpression: "attribute_not_exists(#pk) OR #writer = :own",
            ExpressionAttributeNames: { "#pk": "pk", "#writer": "writer" },
            ExpressionAttributeValues: { ":own": { S: writer } },
          }
        : {
            ConditionExpression: "#writer IN (:known, :own)",
            ExpressionAttributeNames: { "#writer": "writer" },
            ExpressionAttributeValues: { ":known": { S: known }, ":own": { S: writer } },
          };
    await client.putItem({ TableName: table, Item, ...isKnown }).catch((error: unknown) => {
      if (error instanceof Error && error.name === "ConditionalCheckFailedException") throw takenBy(place);
      throw error;
    });
    known = writer;
  };
  return {
    place,
    open: async () => {
      const request = client.getItem({ TableName: table, Key: keyOf(run), ConsistentRead: true });
      const { Item } = await request.catch((error: unknown) => {
        throw error instanceof Error && error.name === "ValidationException" ? wrongKeys(place, error) : error;
      });
      if (Item === undefined) return undefined;
      const state = stateIn(textIn(Item, place), run, place);
      known = (Item.writer as { readonly S?: string } | undefined)?.S;
      await save(state);
      return state;
    },
    save,
    close: async () => undefined,
  };
};
