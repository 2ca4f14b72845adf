// The logger that core writes to.

/** The two log levels that core uses. You can pass Powertools' `Logger` or your own logger. */
export interface PipelineLogger {
  readonly info: (message: string, fields: Record<string, unknown>) => void;
  readonly warn: (message: string, fields: Record<string, unknown>) => void;
}
