// The events about orders that other teams receive. The event format is a contract, independent of the table.

import type { Change } from "@sluice/core";
import type { SnsMessage } from "@sluice/sink-sns";

/** An order in the shop's table. */
export type Order = {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: "placed" | "paid" | "shipped" | "cancelled";
  readonly total: number;
  /** An internal attribute. No event contains it. */
  readonly internalNote?: string;
};

const eventTypes: Readonly<Record<Order["status"], string>> = {
  placed: "OrderPlaced",
  paid: "OrderPaid",
  shipped: "OrderShipped",
  cancelled: "OrderCancelled",
};

/** Returns the event about a change, with attributes for filter policies, or undefined if the status is unchanged. */
export const toEvent = ({ before, after, version }: Change<Order>): SnsMessage | undefined => {
  if (after === undefined || after.status === before?.status) return undefined;
  const { orderId, customerId, status, total } = after;
  const type = eventTypes[status];
  return {
    body: { type, orderId, customerId, total, version },
    attributes: { type, total },
  };
};
