// Converts items of the old table to items of the new tables. The key attributes of the old table are `pk` and `sk`.

import type { KeyValue, UnknownItem } from "@sluice/core/sink-kit";
import type { DynamodbItem, TargetKey } from "@sluice/sink-dynamodb";

/** A customer in the old table, with the `pk` `CUSTOMER#42` and the `sk` `PROFILE`. */
export interface Customer extends UnknownItem {
  readonly pk: string;
  readonly sk: "PROFILE";
  readonly email: string;
  /** The name as `First Last`. The new table has one attribute for each of the two parts. */
  readonly fullName: string;
  readonly createdAt: string;
}

/** An order in the old table, with the `pk` `CUSTOMER#42` and the `sk` `ORDER#2026-01-02#7`. */
export interface Order extends UnknownItem {
  readonly pk: string;
  readonly sk: string;
  /** Amount in cents. */
  readonly amt: number;
  readonly cur: string;
  readonly st: "N" | "P" | "S";
  readonly tags?: ReadonlySet<string>;
}

/** Returns true if an item of the old table is a customer. */
export const isCustomer = (item: UnknownItem): item is Customer => item.sk === "PROFILE";

/** Returns true if an item of the old table is an order. */
export const isOrder = (item: UnknownItem): item is Order => String(item.sk).startsWith("ORDER#");

/** Returns `42` for `CUSTOMER#42`. */
const customerId = (pk: unknown): string => String(pk).slice("CUSTOMER#".length);

/** Returns the key of a customer in the new table: the e-mail address. The address of a customer can change. */
export const customerKey = (item: UnknownItem): TargetKey | undefined =>
  isCustomer(item) ? { email: item.email.toLowerCase() } : undefined;

/** Returns the item of a customer in the new table. */
export const newCustomer = ({ pk, fullName, createdAt }: Customer): DynamodbItem => {
  const [firstName = "", ...rest] = fullName.split(" ");
  return { customerId: customerId(pk), firstName, lastName: rest.join(" "), createdAt };
};

/** Returns the key of an order in the new table. A removal needs no image, because only the old key is used. */
export const orderKey = ({ pk, sk }: { readonly [attribute: string]: KeyValue }): TargetKey => {
  const [, date = "", number = ""] = String(sk).split("#");
  return { customerId: customerId(pk), orderId: `${date}-${number}` };
};

const statuses = { N: "new", P: "paid", S: "shipped" } as const;

/** Returns the item of an order in the new table. */
export const newOrder = ({ pk: _, sk, amt, cur, st, ...rest }: Order): DynamodbItem => ({
  ...rest,
  orderedOn: sk.split("#")[1],
  total: { cents: amt, currency: cur },
  status: statuses[st],
});
