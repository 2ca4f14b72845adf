// Reads the environment variables that configure the function. The README lists the variables.

/** Returns the value of a required variable. Throws at cold start if the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/** The members of a secret that RDS and Aurora create for a database's user. */
interface DatabaseSecret {
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
}

/** Returns the connection string in a secret. The sink asks for it again when the password has been rotated. */
const connectionStringIn = (SecretId: string) => async (): Promise<string> => {
  const { SecretsManager } = await import("@aws-sdk/client-secrets-manager");
  const { SecretString = "{}" } = await new SecretsManager().getSecretValue({ SecretId });
  const { username, password, host, port, dbname }: DatabaseSecret = JSON.parse(SecretString);
  return `postgresql://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}:${port}/${dbname}`;
};

/** The connection string of Postgres: a secret in AWS, or the text of a variable. */
export const databaseUrl = (): string | (() => Promise<string>) => {
  const secret = process.env.DATABASE_SECRET_ARN;
  return secret ? connectionStringIn(secret) : required("DATABASE_URL");
};
