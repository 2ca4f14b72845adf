// The example is configured by environment variables alone; its README lists them.

/** The variable's value. @throws when it is not set: at cold start, not at the first change. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};
