// Reads the environment variables that configure the function. The README lists the variables.

import { type EmailTransport, sesTransport, smtpTransport } from "@sluice/sink-email";

/** Returns the value of a required variable. Throws at cold start if the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/** Parses an SMTP URL: `smtp://user:password@host:587`. The scheme `smtps:` means TLS from the first byte. */
const smtpFromEnvironment = (text: string): EmailTransport => {
  const { protocol, hostname, port, username, password } = new URL(text);
  return smtpTransport({
    host: hostname,
    ...(port !== "" && { port: Number(port) }),
    secure: protocol === "smtps:",
    ...(username !== "" && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
  });
};

/** Returns the SMTP transport if `SMTP_URL` is set, and the SES transport otherwise. */
export const transport = (): EmailTransport => {
  const { SMTP_URL, CONFIGURATION_SET } = process.env;
  if (SMTP_URL) return smtpFromEnvironment(SMTP_URL);
  return sesTransport(CONFIGURATION_SET ? { configurationSetName: CONFIGURATION_SET } : {});
};
