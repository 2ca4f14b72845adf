// The link by which a person approves a run. Its content is signed, so that only the workflow can create or change it.

import { createHmac, timingSafeEqual } from "node:crypto";
import { invalidOption } from "@sluice/core/sink-kit";
import { required } from "../redrive/environment.ts";

/** Content of a link. */
export interface Approval {
  /** Step Functions' task token. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly run: string;
  readonly queue: string;
  /** Approximate number of messages in the queue. */
  readonly messages: number;
  readonly mode: string;
}

/** The secret that signs links, or a function that reads the secret from a secret store. */
export type ApprovalSecret = string | (() => Promise<string>);

/** Minimum length of the secret. HMAC-SHA256 uses 256 bits. */
const minSecretBytes = 32;

const checked = (secret: unknown): string => {
  if (typeof secret === "string" && Buffer.byteLength(secret) >= minSecretBytes) return secret;
  throw invalidOption("secret", `must be a text of at least ${minSecretBytes} random bytes`);
};

/** Returns a function that reads the secret once. @throws {ConfigError} CONFIG_INVALID when it is missing or short. */
export const secretReader = (given: ApprovalSecret | undefined): (() => Promise<string>) => {
  if (typeof given !== "function") {
    const secret = checked(required("secret", given, "SLUICE_APPROVAL_SECRET"));
    return async () => secret;
  }
  let reading: Promise<string> | undefined;
  return () => {
    reading ??= given().then(checked);
    // After an error of the secret store, the next call reads the secret again.
    reading.catch(() => {
      reading = undefined;
    });
    return reading;
  };
};

/** Signs a text. The prefix separates links from other texts that the same secret may sign. */
const macOf = (text: string, secret: string): Buffer =>
  createHmac("sha256", secret).update("sluice redrive approval v1\n").update(text).digest();

/** Encodes and signs a link's content as letters, digits, `-`, `_` and one point. */
export const signed = (approval: Approval, secret: string): string => {
  const text = Buffer.from(JSON.stringify(approval)).toString("base64url");
  return `${text}.${macOf(text, secret).toString("base64url")}`;
};

/** Decodes a link's content. Returns undefined if the content is not signed with the secret. */
export const verified = (parameter: string, secret: string): Approval | undefined => {
  const [text = "", mac = "", ...rest] = parameter.split(".");
  const given = Buffer.from(mac, "base64url");
  const expected = macOf(text, secret);
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(text, "base64url").toString()) as Approval;
};

/** Name of the link's query parameter. */
export const parameterName = "approval";
