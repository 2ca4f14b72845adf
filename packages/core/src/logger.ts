// The logger that core writes to.

/** The two levels of a logger that core uses; Powertools' `Logger` and your own fit. */
export interface PipelineLogger {
  readonly info: (message: string, fields: Record<string, unknown>) => void;
  readonly warn: (message: string, fields: Record<string, unknown>) => void;
}
