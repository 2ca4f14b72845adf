// Reads the environment variables that configure the function. The README lists the variables.

import type { OpensearchSinkOptions } from "@sluice/sink-opensearch";

/** Returns the value of a variable, or undefined if the variable is unset or empty. */
export const optional = (name: string): string | undefined => process.env[name] || undefined;

/** Returns the value of a required variable. Throws at cold start if the variable is not set. */
export const required = (name: string): string => {
  const value = optional(name);
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/** Depending on the variables, returns a user with a password, SigV4 credentials, or no authentication. */
export const authentication = (): Pick<OpensearchSinkOptions, "auth"> => {
  const username = optional("OPENSEARCH_USERNAME");
  if (username !== undefined) return { auth: { username, password: required("OPENSEARCH_PASSWORD") } };
  const service = optional("OPENSEARCH_SERVICE");
  if (service === undefined) return {};
  if (service !== "es" && service !== "aoss") throw new Error("OPENSEARCH_SERVICE must be es or aoss");
  return { auth: { region: required("AWS_REGION"), service } };
};
