/** The options that every command has. */
export const commonOptions = {
  verbose: { type: "boolean", help: "errors with their stacks; so does DEBUG in the environment" },
  help: { type: "boolean", short: "h", help: "this text" },
} as const;
