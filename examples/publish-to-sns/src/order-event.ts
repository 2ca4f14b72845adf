// What other teams hear of an order: events in their words, not rows of our table.

import type { Change } from "@sluice/core";
import type { SnsMessage } from "@sluice/sink-sns";

/** An order as the shop writes it to its table. */
export type Order = {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: "placed" | "paid" | "shipped" | "cancelled";
  readonly total: number;
  /** The shop's own business: no event tells it. */
  readonly internalNote?: string;
};

const eventTypes: Readonly<Record<Order["status"], string>> = {
  placed: "OrderPlaced",
  paid: "OrderPaid",
  shipped: "OrderShipped",
  cancelled: "OrderCancelled",
};

/** The event that a change is, with what subscribers filter by; nothing where the status stayed what it was. */
export const toEvent = ({ before, after, version }: Change<Order>): SnsMessage | undefined => {
  if (after === undefined || after.status === before?.status) return undefined;
  const { orderId, customerId, status, total } = after;
  const type = eventTypes[status];
  return {
    body: { type, orderId, customerId, total, version },
    attributes: { type, total },
  };
};
