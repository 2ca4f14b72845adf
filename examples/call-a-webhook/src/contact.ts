// The anti-corruption layer: translates a customer into a contact of the CRM. Only this file knows both types, so that
// the table and the CRM can change independently.

import type { Change } from "@sluice/core";
import type { WebhookMessage } from "@sluice/sink-webhook";

/** A customer, as an item of our table. */
export type Customer = {
  readonly customerId: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly consent: boolean;
  /** An internal attribute. The CRM must not receive this attribute. */
  readonly creditLimit?: number;
};

/** A contact of the CRM. */
type Contact = {
  readonly full_name: string;
  readonly email_address: string;
  readonly subscription_state: "OPT_IN" | "OPT_OUT";
};

const toContact = ({ firstName, lastName, email, consent }: Customer): Contact => ({
  full_name: `${firstName} ${lastName}`,
  email_address: email.toLowerCase(),
  subscription_state: consent ? "OPT_IN" : "OPT_OUT",
});

const isSame = (one: Contact, other: Contact): boolean => JSON.stringify(one) === JSON.stringify(other);

/**
 * Returns the call that puts or deletes the contact of a customer. Returns undefined if the contact did not change.
 */
export const toCall = ({ keys, before, after }: Change<Customer>): WebhookMessage | undefined => {
  const path = `/contacts/${encodeURIComponent(String(keys.customerId))}`;
  if (after === undefined) return { method: "DELETE", path };
  const contact = toContact(after);
  if (before !== undefined && isSame(toContact(before), contact)) return undefined;
  return { method: "PUT", path, body: contact };
};
