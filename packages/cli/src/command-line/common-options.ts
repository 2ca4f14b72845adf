/** The options that every command has. */
export const commonOptions = {
  verbose: { type: "boolean", help: "show errors with their stacks; DEBUG in the environment does the same" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;
