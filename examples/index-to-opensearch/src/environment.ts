// The example is configured by environment variables alone; its README lists them.

import type { OpensearchSinkOptions } from "@sluice/sink-opensearch";

/** The variable's value; undefined where it is not set, or empty. */
export const optional = (name: string): string | undefined => process.env[name] || undefined;

/** The variable's value. @throws when it is not set: at cold start, not at the first change. */
export const required = (name: string): string => {
  const value = optional(name);
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/** A user with a password, requests signed by SigV4, or neither. */
export const authentication = (): Pick<OpensearchSinkOptions, "auth"> => {
  const username = optional("OPENSEARCH_USERNAME");
  if (username !== undefined) return { auth: { username, password: required("OPENSEARCH_PASSWORD") } };
  const service = optional("OPENSEARCH_SERVICE");
  if (service === undefined) return {};
  if (service !== "es" && service !== "aoss") throw new Error("OPENSEARCH_SERVICE must be es or aoss");
  return { auth: { region: required("AWS_REGION"), service } };
};
