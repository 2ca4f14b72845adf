// Mail addresses. The check is strict, because an invalid address that passes could inject a header, or bounce.

import { domainToASCII } from "node:url";
import { isSendable } from "@sluice/core/sink-kit";

/** A checked address, and the name that mail programs show. */
export interface Mailbox {
  readonly address: string;
  readonly name?: string;
}

/** `"ada@example.com"`, or with a name: `{ name: "Ada", address: "ada@example.com" }`. */
export type EmailAddress = string | { readonly address: string; readonly name?: string | null | undefined };

// Local parts must be 7-bit ASCII: SES requires it, and not every server supports SMTPUTF8.
const localPart = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const domainPart =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Whether the text has characters that end a header line or are invisible in it. */
export const hasControls = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for control characters
  /[\u0000-\u0008\u000a-\u001f\u007f\u2028\u2029]/.test(text);

/** Returns the address with its domain in ASCII and lower case; undefined if the text is not an address. */
const plainAddress = (text: string): string | undefined => {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const written = text.slice(at + 1);
  // The pattern excludes paths and queries, because domainToASCII drops them and would accept the rest of the text.
  const domain = /^[\p{L}\p{M}\p{N}.-]+$/u.test(written) ? domainToASCII(written).toLowerCase() : "";
  const isAddress = at > 0 && localPart.test(local) && domainPart.test(domain) && text.length <= 254;
  return isAddress ? `${local}@${domain}` : undefined;
};

/** Returns the mailbox, with or without a name; undefined if the value is not an address. */
export const mailboxOf = (given: unknown): Mailbox | undefined => {
  const { address, name } = (typeof given === "string" ? { address: given } : (given ?? {})) as {
    readonly [member in keyof Mailbox]?: unknown;
  };
  if (typeof address !== "string") return undefined;
  const plain = plainAddress(address);
  if (plain === undefined) return undefined;
  if (name === undefined || name === null || name === "") return { address: plain };
  return typeof name === "string" && !hasControls(name) && isSendable(name) ? { address: plain, name } : undefined;
};
