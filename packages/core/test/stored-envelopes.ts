// Dead letters in memory.

import type { Envelope } from "../src/envelope.ts";
import type { DeadLetterQueue, PipelineLogger } from "../src/index.ts";

export interface StoredEnvelopes extends DeadLetterQueue {
  readonly envelopes: Envelope[];
  readonly writes: (readonly Envelope[])[];
}

/** Keeps every envelope that `takes` allows. */
export const storedEnvelopes = (takes: (envelope: Envelope) => boolean = () => true): StoredEnvelopes => {
  const envelopes: Envelope[] = [];
  const writes: (readonly Envelope[])[] = [];
  return {
    envelopes,
    writes,
    write: async (batch) => {
      writes.push(batch);
      const stored = batch.filter(takes);
      envelopes.push(...stored);
      const errors = stored.length === batch.length ? [] : [new Error("the queue is full")];
      return { stored: new Set(stored), errors };
    },
  };
};

export interface Line {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export const keptLines = (): PipelineLogger & { readonly lines: Line[] } => {
  const lines: Line[] = [];
  return {
    lines,
    info: (message, fields) => lines.push({ level: "info", message, fields }),
    warn: (message, fields) => lines.push({ level: "warn", message, fields }),
  };
};
