// Reads the environment variables that configure the function. `.env.example` lists the variables.

/** Returns the value of a required variable. Throws at cold start if the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};

// @when webhook
/** Returns the parts of a variable that are separated by commas. An unset variable has none. */
export const list = (name: string): string[] => (process.env[name] ?? "").split(",").filter((part) => part !== "");

// @end
// @when postgres
/** Reads the connection string from a secret of RDS or Aurora. The sink reads it again when the password was rotated. */
const connectionStringIn = (SecretId: string) => async (): Promise<string> => {
  const { SecretsManager } = await import("@aws-sdk/client-secrets-manager");
  const { SecretString = "{}" } = await new SecretsManager().getSecretValue({ SecretId });
  const { username, password, host, port, dbname } = JSON.parse(SecretString);
  return `postgresql://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}:${port}/${dbname}`;
};

/** The connection string of Postgres: from a secret in AWS, or from a variable on your machine. */
export const databaseUrl = (): string | (() => Promise<string>) => {
  const secret = process.env.DATABASE_SECRET_ARN ?? "";
  return secret ? connectionStringIn(secret) : required("DATABASE_URL");
};
// @end
