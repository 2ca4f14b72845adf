// Reads what the constructs of @sluice/cdk write to the environment of the redrive's functions.

import { s3PayloadStore } from "@sluice/core";
import { invalidOption, missingDependency } from "@sluice/core/sink-kit";
import type { BatchOptions } from "../redrive/batch-options.ts";
import { optional, required, user } from "../redrive/environment.ts";
import type { NotificationOptions } from "../redrive/notification.ts";

/** Reads the secret of approval links from Secrets Manager when it is needed. Variable: `SLUICE_APPROVAL_SECRET_ARN`. */
export const secretFromEnvironment = (): (() => Promise<string>) => {
  const SecretId = required("secret", undefined, "SLUICE_APPROVAL_SECRET_ARN");
  return async () => {
    const name = "@aws-sdk/client-secrets-manager";
    const { SecretsManager } = await import("@aws-sdk/client-secrets-manager").catch(missingDependency(user, name));
    const { SecretString } = await new SecretsManager().getSecretValue({ SecretId });
    if (SecretString !== undefined) return SecretString;
    throw invalidOption("secret", "has no SecretString in Secrets Manager; expected a text");
  };
};

/** Sends notifications by SES. Variables: `SLUICE_MAIL_FROM` and `SLUICE_MAIL_TO`, addresses separated by commas. */
export const mailFromEnvironment = (): Pick<NotificationOptions, "sendMail"> => {
  const FromEmailAddress = optional(undefined, "SLUICE_MAIL_FROM");
  if (FromEmailAddress === undefined) return {};
  const ToAddresses = required("SLUICE_MAIL_TO", undefined, "SLUICE_MAIL_TO").split(",");
  return {
    sendMail: async ({ subject, text }) => {
      const name = "@aws-sdk/client-sesv2";
      const { SESv2 } = await import("@aws-sdk/client-sesv2").catch(missingDependency(user, name));
      const Simple = { Subject: { Data: subject }, Body: { Text: { Data: text } } };
      return new SESv2().sendEmail({ FromEmailAddress, Destination: { ToAddresses }, Content: { Simple } });
    },
  };
};

/**
 * Options of the batch function. Variables: `SLUICE_PAYLOAD_BUCKET`, `SLUICE_PAYLOAD_PREFIX`, `SLUICE_REMOVES`,
 * `SLUICE_TIMEOUT_BUFFER_MS`.
 */
export const batchFromEnvironment = (): BatchOptions => {
  const bucket = optional(undefined, "SLUICE_PAYLOAD_BUCKET");
  const prefix = optional(undefined, "SLUICE_PAYLOAD_PREFIX");
  const removes = optional(undefined, "SLUICE_REMOVES");
  const timeoutBufferMs = optional(undefined, "SLUICE_TIMEOUT_BUFFER_MS");
  return {
    ...(bucket !== undefined && { payloadStore: s3PayloadStore({ bucket, ...(prefix !== undefined && { prefix }) }) }),
    ...(removes !== undefined && { removes: removes as NonNullable<BatchOptions["removes"]> }),
    ...(timeoutBufferMs !== undefined && { timeoutBufferMs: Number(timeoutBufferMs) }),
  };
};
