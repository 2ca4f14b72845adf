// The configuration of the function: environment variables, which the README lists.

/** The value of a required variable. Throws at cold start when the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/** The comma-separated values of a variable; `[]` when the variable is not set. */
export const list = (name: string): string[] => (process.env[name] ?? "").split(",").filter((value) => value !== "");
