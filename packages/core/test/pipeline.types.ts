// Tests which types TypeScript infers, and which code does not compile. `npm run typecheck` checks this file.

import { type } from "arktype";
import type {
  Context,
  DynamoDBBatchResponse,
  DynamoDBStreamEvent,
  DynamoDBStreamHandler,
  SQSBatchResponse,
  SQSEvent,
  SQSHandler,
} from "aws-lambda";
import * as v from "valibot";
import { z } from "zod";
import { matching } from "../src/filters.ts";
import { type Change, type LiveChange, type PipelineHandler, pipeline, type UnknownItem } from "../src/index.ts";
import type { MappedSink, Sink } from "../src/sink-kit.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const expectType = <_Holds extends true>(): void => undefined;
type Of<A, B> = Equal<A, B>;

interface Row {
  readonly id: string;
  readonly total: number;
}

declare const rows: Sink<Row, "upsert">;
declare const texts: Sink<{ readonly body: string }, "append">;
declare const mapped: MappedSink<Row, "upsert">;
declare const mode: Sink<Row>;

const block = { onReject: "block" } as const;

const Order = z.object({ kind: z.literal("order"), id: z.string(), total: z.number() });
const Customer = z.object({ kind: z.literal("customer"), id: z.string(), email: z.string() });
const Item = z.discriminatedUnion("kind", [Order, Customer]);
type Item = z.infer<typeof Item>;
type Order = z.infer<typeof Order>;
type Customer = z.infer<typeof Customer>;

const isOrder = (item: Item): item is Order => item.kind === "order";
const orders = pipeline("p", { ...block, schema: Order });
const items = pipeline("p", { ...block, schema: Item });

// The mapper gets the item's type from any Standard Schema.
orders.to(rows, (change) => {
  expectType<Of<typeof change, LiveChange<Order>>>();
  expectType<Of<typeof change.after, Order>>();
  expectType<Of<typeof change.before, Order | undefined>>();
  return { id: change.after.id, total: change.after.total };
});
pipeline("p", { ...block, schema: v.object({ id: v.string(), total: v.number() }) }).to(rows, (change) => {
  expectType<Of<typeof change.after, { id: string; total: number }>>();
  return change.after;
});
pipeline("p", { ...block, schema: type({ id: "string", total: "number" }) }).to(rows, (change) => {
  expectType<Of<typeof change.after, { id: string; total: number }>>();
  return change.after;
});

// The type of an item is the output of the schema, not its input.
pipeline("p", { ...block, schema: z.object({ id: z.string(), total: z.string().transform(Number) }) }).to(
  rows,
  ({ after }) => after,
);

// Without a schema, each attribute of an item has the type unknown.
pipeline("p", block).to(rows, ({ after }) => {
  expectType<Of<typeof after, UnknownItem>>();
  return { id: String(after.id), total: Number(after.total) };
});

// An append sink also gets removes, so `after` may be missing.
orders.to(texts, (change) => {
  expectType<Of<typeof change, Change<Order>>>();
  expectType<Of<typeof change.after, Order | undefined>>();
  return change.after && { body: change.after.id };
});

// A type predicate narrows the item's type for the routes after the predicate. The next predicate gets the full type.
items
  .when(isOrder)
  .to(rows, ({ after }) => {
    expectType<Of<typeof after, Order>>();
    return after;
  })
  .to(texts, ({ after }) => ({ body: String(after?.total) }))
  .when((item) => {
    expectType<Of<typeof item, Item>>();
    return item.kind === "customer";
  })
  .to(texts, ({ after }) => {
    // TypeScript infers a type predicate from the comparison `item.kind === …`.
    expectType<Of<typeof after, Customer | undefined>>();
    return { body: after?.email ?? "" };
  })
  .when((item): boolean => item.id !== "")
  .to(texts, ({ after }) => {
    expectType<Of<typeof after, Item | undefined>>();
    return { body: after?.id ?? "" };
  });

// For a sink with its own mapper, the mapper of the route is optional.
orders.to(mapped);
orders.to(mapped, { name: "rows" });
orders.to(mapped, ({ after }) => after, { name: "rows" });

expectType<Of<ReturnType<typeof orders.handler>, PipelineHandler>>();

// @ts-expect-error a pipeline needs deadLetterQueue or onReject
pipeline("p", {});
// @ts-expect-error deadLetterQueue is not a string
pipeline("p", { deadLetterQueue: "drop" });
// The function decides about items of any form.
pipeline("p", { ...block, schema: Order, onMismatch: ({ kind }) => (kind === "order" ? "reject" : "ignore") });

// @ts-expect-error the function must decide at once
pipeline("p", { ...block, schema: Order, onMismatch: async () => "ignore" });

// @ts-expect-error schema is not a Standard Schema
pipeline("p", { ...block, schema: { parse: (value: unknown) => value } });
// @ts-expect-error `deadletter` is not an option
pipeline("p", { ...block, deadletter: "block" });

// @ts-expect-error a misspelt field of the item
orders.to(rows, ({ after }) => ({ id: after.id, total: after.totl }));
// @ts-expect-error a message that lacks a field
orders.to(rows, ({ after }) => ({ id: after.id }));
// @ts-expect-error a message with a field of another type
orders.to(rows, ({ after }) => ({ id: after.id, total: String(after.total) }));
// @ts-expect-error a mapper must not be asynchronous
orders.to(rows, async ({ after }) => ({ id: after.id, total: after.total }));
// @ts-expect-error a mapper that sends no message must return undefined, not null
orders.to(rows, () => null);
// @ts-expect-error a remove has no `after`
orders.to(texts, ({ after }) => ({ body: after.id }));
// @ts-expect-error `before` may be missing
orders.to(rows, ({ before }) => ({ id: before.id, total: 1 }));
// @ts-expect-error `items` has no type predicate, so `after` may be a customer without a total
items.to(rows, ({ after }) => ({ id: after.id, total: after.total }));
const anyItem = items.when((item): boolean => item.kind === "order");
// @ts-expect-error a predicate with the return type boolean does not narrow the item's type
anyItem.to(rows, ({ after }) => after);
// @ts-expect-error without a schema, each field has the type unknown
pipeline("p", block).to(rows, ({ after }) => ({ id: after.id, total: 1 }));
// @ts-expect-error the predicate needs another item type
orders.when((item: { colour: string }) => item.colour === "red");
// @ts-expect-error a predicate must return a boolean
orders.when(({ id }) => id);
// @ts-expect-error a predicate must not be asynchronous
orders.when(async () => true);

// @ts-expect-error a sink without its own mapping needs a mapper
orders.to(rows);
// @ts-expect-error options do not replace the mapper
orders.to(rows, { name: "rows" });
// @ts-expect-error a sink must declare upsert or append
orders.to(mode, (change: LiveChange<Order>) => change.after);
// @ts-expect-error the sink's mapper returns another message type
mapped satisfies MappedSink<{ readonly other: string }>;

// A sink that needs the field `colour` must not be accepted as a sink for messages without this field.
declare const colourSink: Sink<Row & { readonly colour: string }, "upsert">;
// @ts-expect-error rows have no colour
colourSink satisfies Sink<Row, "upsert">;

// The handler fits the types of @types/aws-lambda, in both directions.
const awsHandler: DynamoDBStreamHandler = orders.to(rows, ({ after }) => after).handler();
const queueHandler: SQSHandler = orders.to(rows, ({ after }) => after).handler();
declare const lambda: { readonly stream: DynamoDBStreamEvent; readonly queue: SQSEvent; readonly context: Context };
const response: Promise<DynamoDBBatchResponse> = orders.handler()(lambda.stream, lambda.context);
const queueResponse: Promise<SQSBatchResponse> = orders.handler()(lambda.queue, lambda.context);
void [awsHandler, queueHandler, response, queueResponse];

// A filter of `matching` narrows a union by its conditions.
items.when(matching({ kind: "order" })).to(rows, (change) => {
  expectType<Of<typeof change.after, Order>>();
  return { id: change.after.id, total: change.after.total };
});
items.when(matching({ kind: ["order", "customer"] })).to(texts, (change) => {
  expectType<Of<typeof change.after, Item | undefined>>();
  return { body: "" };
});
// An item that is no union keeps its type.
pipeline("p", block)
  .when(matching({ id: { prefix: "o-" }, open: true }))
  .to(texts, (change) => {
    expectType<Of<typeof change.after, UnknownItem | undefined>>();
    return { body: "" };
  });
// @ts-expect-error Lambda compares numbers as texts.
matching({ total: 5 });
