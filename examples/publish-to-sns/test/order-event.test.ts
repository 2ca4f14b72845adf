import { describe, expect, test } from "@jest/globals";
import { type Change, decodeRecord } from "@sluice/core/sink-kit";
import { streamRecord } from "@sluice/testing";
import { type Order, toEvent } from "../src/order-event.ts";

const order: Order = { orderId: "o-1", customerId: "c-1", status: "placed", total: 5, internalNote: "ours" };

const changeOf = (before: Order | undefined, after: Order | undefined): Change<Order> =>
  decodeRecord<Order>(streamRecord({ before, after, keyNames: ["orderId"] }));

describe("an order", () => {
  test("that is placed causes an event without internal attributes", () => {
    const change = changeOf(undefined, order);
    expect(toEvent(change)).toEqual({
      body: { type: "OrderPlaced", orderId: "o-1", customerId: "c-1", total: 5, version: change.version },
      attributes: { type: "OrderPlaced", total: 5 },
    });
  });

  test.each([
    ["paid", "OrderPaid"],
    ["shipped", "OrderShipped"],
    ["cancelled", "OrderCancelled"],
  ] as const)("that is then %s causes the event %s", (status, type) => {
    expect(toEvent(changeOf(order, { ...order, status }))?.attributes).toEqual({ type, total: 5 });
  });

  test("causes no event when its status stays the same or when it is removed", () => {
    expect(toEvent(changeOf(order, { ...order, internalNote: "new" }))).toBeUndefined();
    expect(toEvent(changeOf(order, undefined))).toBeUndefined();
  });
});
