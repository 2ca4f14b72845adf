// A logger whose lines a test can read.

import type { PipelineLogger } from "../src/index.ts";

export interface LogLine {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export const recordingLogger = (): PipelineLogger & { readonly lines: LogLine[] } => {
  const lines: LogLine[] = [];
  return {
    lines,
    info: (message, fields) => lines.push({ level: "info", message, fields }),
    warn: (message, fields) => lines.push({ level: "warn", message, fields }),
  };
};
