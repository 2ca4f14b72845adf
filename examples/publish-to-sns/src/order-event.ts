// The events of an order, for other teams: a contract of its own, independent of the table.

import type { Change } from "@sluice/core";
import type { SnsMessage } from "@sluice/sink-sns";

/** An order in the shop's table. */
export type Order = {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: "placed" | "paid" | "shipped" | "cancelled";
  readonly total: number;
  /** Internal: no event contains it. */
  readonly internalNote?: string;
};

const eventTypes: Readonly<Record<Order["status"], string>> = {
  placed: "OrderPlaced",
  paid: "OrderPaid",
  shipped: "OrderShipped",
  cancelled: "OrderCancelled",
};

/** The event of a change, with attributes for filter policies; undefined when the status did not change. */
export const toEvent = ({ before, after, version }: Change<Order>): SnsMessage | undefined => {
  if (after === undefined || after.status === before?.status) return undefined;
  const { orderId, customerId, status, total } = after;
  const type = eventTypes[status];
  return {
    body: { type, orderId, customerId, total, version },
    attributes: { type, total },
  };
};
