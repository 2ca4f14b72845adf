// Defines which changes cause a mail, who receives the mail, and the templates of the mails.

import type { Change } from "@sluice/core";
import type { EmailMessage } from "@sluice/sink-email";
import { template } from "./template.ts";

/** A customer in the shop's table. */
export type Customer = {
  readonly pk: string;
  readonly type: "customer";
  readonly name: string;
  readonly email: string;
};

/** An order in the shop's table. */
export type Order = {
  readonly pk: string;
  readonly type: "order";
  readonly name: string;
  readonly email: string;
  readonly status: "placed" | "paid" | "shipped";
  readonly total: number;
};

/** An item of the shop's table. */
export type Item = Customer | Order;

const welcomeTemplate = template({
  subject: "Welcome, {{name}}",
  text: "Hello {{name}},\n\nyour account is ready.\n",
  html: "<p>Hello {{name}},</p><p>your account is ready.</p>",
});

const receiptTemplate = template({
  subject: "Your receipt for order {{order}}",
  text: "Hello {{name}},\n\nwe have received {{total}} for order {{order}}.\n",
  html: "<p>Hello {{name}},</p><p>we have received <b>{{total}}</b> for order {{order}}.</p>",
});

/** Returns the welcome mail for a new customer, or undefined for other changes. */
export const welcome = ({ kind, after }: Change<Customer>): EmailMessage | undefined => {
  if (kind !== "insert" || after === undefined) return undefined;
  const { name, email } = after;
  return { to: { name, address: email }, ...welcomeTemplate({ name }), tags: { mail: "welcome" } };
};

/** Returns a receipt when the status of an order becomes `paid`, or undefined for other changes. */
export const receipt = ({ before, after }: Change<Order>): EmailMessage | undefined => {
  if (after?.status !== "paid" || before?.status === "paid") return undefined;
  const { pk, name, email, total } = after;
  const values = { order: pk.replace(/^order#/, ""), name, total: `${total.toFixed(2)} €` };
  return { to: { name, address: email }, ...receiptTemplate(values), tags: { mail: "receipt" } };
};
