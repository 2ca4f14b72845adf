// Wrong options throw while the stack is synthesised. Each error names the option, what was found and the way out.

/** An option, or a combination of options, with which records would be lost or the deployment would fail. */
export class DeployError extends Error {
  override readonly name = "DeployError";
  /** The rule that is broken, for example `VISIBILITY_TOO_SHORT`: an entry of `docs/deploying.md`. */
  readonly code: string;

  /** @param code name of the rule; @param message what was found, what was expected, and what to do. */
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}
