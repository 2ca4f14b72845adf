// The anti-corruption layer: what a customer of ours is in the CRM's words. Neither side's model is known beyond this
// file, so that either may change without the other.

import type { Change } from "@sluice/core";
import type { WebhookMessage } from "@sluice/sink-webhook";

/** A customer as our table has it. */
export type Customer = {
  readonly customerId: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly consent: boolean;
  /** Our own business: the CRM never hears of it. */
  readonly creditLimit?: number;
};

/** A contact as the CRM wants it. */
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

/** The call that a change is: one contact is put or deleted; none where nothing that the CRM knows of has changed. */
export const toCall = ({ keys, before, after }: Change<Customer>): WebhookMessage | undefined => {
  const path = `/contacts/${encodeURIComponent(String(keys.customerId))}`;
  if (after === undefined) return { method: "DELETE", path };
  const contact = toContact(after);
  if (before !== undefined && isSame(toContact(before), contact)) return undefined;
  return { method: "PUT", path, body: contact };
};
