// The items of the old table, all under `pk` and `sk`, and what becomes of them in the new ones. Nothing but values here.

import type { KeyValue, UnknownItem } from "@sluice/core/sink-kit";
import type { DynamodbItem, TargetKey } from "@sluice/sink-dynamodb";

/** `CUSTOMER#42`, `PROFILE`. */
export interface Customer extends UnknownItem {
  readonly pk: string;
  readonly sk: "PROFILE";
  readonly email: string;
  /** `First Last`: one attribute that becomes two. */
  readonly fullName: string;
  readonly createdAt: string;
}

/** `CUSTOMER#42`, `ORDER#2026-01-02#7`. */
export interface Order extends UnknownItem {
  readonly pk: string;
  readonly sk: string;
  /** Amount in cents. */
  readonly amt: number;
  readonly cur: string;
  readonly st: "N" | "P" | "S";
  readonly tags?: ReadonlySet<string>;
}

export const isCustomer = (item: UnknownItem): item is Customer => item.sk === "PROFILE";

export const isOrder = (item: UnknownItem): item is Order => String(item.sk).startsWith("ORDER#");

/** `42` of `CUSTOMER#42`. */
const customerId = (pk: unknown): string => String(pk).slice("CUSTOMER#".length);

/** A customer's key is the e-mail address, which may change. */
export const customerKey = (item: UnknownItem): TargetKey | undefined =>
  isCustomer(item) ? { email: item.email.toLowerCase() } : undefined;

export const newCustomer = ({ pk, fullName, createdAt }: Customer): DynamodbItem => {
  const [firstName = "", ...rest] = fullName.split(" ");
  return { customerId: customerId(pk), firstName, lastName: rest.join(" "), createdAt };
};

/** An order's key is made of its old one, so that a remove needs no image. */
export const orderKey = ({ pk, sk }: { readonly [attribute: string]: KeyValue }): TargetKey => {
  const [, date = "", number = ""] = String(sk).split("#");
  return { customerId: customerId(pk), orderId: `${date}-${number}` };
};

const statuses = { N: "new", P: "paid", S: "shipped" } as const;

export const newOrder = ({ pk: _, sk, amt, cur, st, ...rest }: Order): DynamodbItem => ({
  ...rest,
  orderedOn: sk.split("#")[1],
  total: { cents: amt, currency: cur },
  status: statuses[st],
});
