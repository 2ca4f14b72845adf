// The link with which a person approves or rejects a run. The link's content is signed, so a link cannot be forged.

import { createHmac, timingSafeEqual } from "node:crypto";
import { invalidOption } from "@sluice/core/sink-kit";
import { required } from "../redrive/environment.ts";

/** Data that a link contains. */
export interface Approval {
  /** Step Functions' task token. */
  readonly token: string;
  /** Time until which the person can decide, in milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly run: string;
  readonly queue: string;
  /** Approximate number of messages in the queue. */
  readonly messages: number;
  readonly mode: string;
}

/** The secret with which links are signed, or a function that returns it, for example from a secret store. */
export type ApprovalSecret = string | (() => Promise<string>);

/** Minimum length of the secret: 256 bits, like the hashes of HMAC-SHA256. */
const minSecretBytes = 32;

const checked = (secret: unknown): string => {
  if (typeof secret === "string" && Buffer.byteLength(secret) >= minSecretBytes) return secret;
  throw invalidOption("secret", `must be a text of at least ${minSecretBytes} random bytes`);
};

/** Returns a function that reads and remembers the secret. @throws {ConfigError} CONFIG_INVALID for a bad secret. */
export const secretReader = (given: ApprovalSecret | undefined): (() => Promise<string>) => {
  if (typeof given !== "function") {
    const secret = checked(required("secret", given, "SLUICE_APPROVAL_SECRET"));
    return async () => secret;
  }
  let reading: Promise<string> | undefined;
  return () => {
    reading ??= given().then(checked);
    // An error is not remembered: the next call reads the secret again.
    reading.catch(() => {
      reading = undefined;
    });
    return reading;
  };
};

/** Signs a text. Because of the prefix, a signature that the same secret made for another purpose is not valid here. */
const macOf = (text: string, secret: string): Buffer =>
  createHmac("sha256", secret).update("sluice redrive approval v1\n").update(text).digest();

/** Encodes and signs a link's content. The result contains only letters, digits, `-`, `_` and one point. */
export const signed = (approval: Approval, secret: string): string => {
  const text = Buffer.from(JSON.stringify(approval)).toString("base64url");
  return `${text}.${macOf(text, secret).toString("base64url")}`;
};

/** Decodes a link's content. Returns undefined if the signature is missing or wrong. */
export const verified = (parameter: string, secret: string): Approval | undefined => {
  const [text = "", mac = "", ...rest] = parameter.split(".");
  const given = Buffer.from(mac, "base64url");
  const expected = macOf(text, secret);
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(text, "base64url").toString()) as Approval;
};

/** Name of the query parameter that contains the link's signed content. */
export const parameterName = "approval";
