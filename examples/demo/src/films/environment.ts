// Reads the environment variables that configure the function. The demo sets them.

/** Returns the value of a required variable. Throws at cold start if the variable is not set. */
export const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
};
