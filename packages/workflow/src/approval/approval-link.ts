// The link by which a human approves: what it says is signed, so that nobody can make one, or change what it says.

import { createHmac, timingSafeEqual } from "node:crypto";
import { ConfigError } from "@sluice/core/sink-kit";
import { required } from "../run/environment.ts";

/** What a link says. */
export interface Approval {
  /** Step Functions' task token. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly run: string;
  readonly queue: string;
  /** Messages in the queue, as SQS guesses. */
  readonly messages: number;
  readonly mode: string;
}

/** The text that links are signed with, or where it comes from: a secret store, asked once. */
export type ApprovalSecret = string | (() => Promise<string>);

/** 256 bits are what HMAC-SHA256 has use for. */
const minSecretBytes = 32;

const checked = (secret: unknown): string => {
  if (typeof secret === "string" && Buffer.byteLength(secret) >= minSecretBytes) return secret;
  throw new ConfigError("CONFIG_INVALID", `option "secret" must be a text of ${minSecretBytes} random bytes or more`);
};

/** Reads the secret, once. @throws {ConfigError} CONFIG_INVALID for one that is missing or too short. */
export const secretReader = (given: ApprovalSecret | undefined): (() => Promise<string>) => {
  if (typeof given !== "function") {
    const secret = checked(required("secret", given, "SLUICE_APPROVAL_SECRET"));
    return async () => secret;
  }
  let reading: Promise<string> | undefined;
  return () => {
    reading ??= given().then(checked);
    // A store that was down is asked again.
    reading.catch(() => {
      reading = undefined;
    });
    return reading;
  };
};

/** A purpose of its own: the same secret may sign other things. */
const macOf = (text: string, secret: string): Buffer =>
  createHmac("sha256", secret).update("sluice redrive approval v1\n").update(text).digest();

/** The link's parameter: letters, digits, `-`, `_` and one point. */
export const signed = (approval: Approval, secret: string): string => {
  const text = Buffer.from(JSON.stringify(approval)).toString("base64url");
  return `${text}.${macOf(text, secret).toString("base64url")}`;
};

/** What a link says; undefined where it was not signed with the secret. */
export const verified = (parameter: string, secret: string): Approval | undefined => {
  const [text = "", mac = "", ...rest] = parameter.split(".");
  const given = Buffer.from(mac, "base64url");
  const expected = macOf(text, secret);
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(text, "base64url").toString()) as Approval;
};

/** The name of the link's parameter. */
export const parameterName = "approval";
