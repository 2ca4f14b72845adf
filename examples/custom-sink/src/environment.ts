// The configuration of the function: environment variables, which the README lists.

/** The value of a required variable. Throws at cold start when the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};
