// Collects what the pipeline's diagnostics channels publish, and sends it in batches: a message for each delivery would cost
// more than the delivery.

import { subscribe } from "node:diagnostics_channel";
import { type InvocationReport, reportChannel } from "@sluice/core";
import { decodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import { type DeliveryReport, deliveryChannel } from "@sluice/core/metrics";
import { type Image, isRecord } from "@sluice/core/sink-kit";
import type { KeyedDelivery } from "../dev-run.ts";

/** How long reports are collected. */
const batchMs = 100;

/** Reports of one batch. */
export interface ReportBatch {
  readonly deliveries: readonly KeyedDelivery[];
  readonly invocations: readonly InvocationReport[];
}

/** Remembers the keys of the items of events, by event id, while they are delivered. */
export interface KeyMemory {
  readonly remember: (event: unknown) => void;
  readonly forget: (event: unknown) => void;
}

const recordIn = (entry: unknown): StreamRecord | undefined => {
  if (!isRecord(entry)) return undefined;
  if ("dynamodb" in entry) return entry as StreamRecord;
  return typeof entry.body === "string" ? decodeEnvelope(entry.body)?.record : undefined;
};

/** The stream records of an event: those of its entries, or of the envelopes in its messages. */
const recordsIn = (event: unknown): readonly StreamRecord[] => {
  const entries = isRecord(event) && Array.isArray(event.Records) ? event.Records : [];
  return entries.map(recordIn).filter((record) => record !== undefined);
};

/**
 * Sends reports, until the process ends. A delivery names its change by the event id only: the keys come from the events
 * that the returned memory was given.
 */
export const sendReports = (send: (batch: ReportBatch) => void): KeyMemory => {
  const keysOf = new Map<string, Image | undefined>();
  let deliveries: KeyedDelivery[] = [];
  let invocations: InvocationReport[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    send({ deliveries, invocations });
    deliveries = [];
    invocations = [];
  };
  const collect = (): void => {
    timer ??= setTimeout(flush, batchMs);
  };
  subscribe(deliveryChannel, (message) => {
    const report = message as DeliveryReport;
    deliveries.push({ ...report, keys: keysOf.get(report.eventId ?? ""), at: Date.now() });
    collect();
  });
  subscribe(reportChannel, (message) => {
    invocations.push(message as InvocationReport);
    collect();
  });
  return {
    remember: (event) => {
      for (const { eventID = "", dynamodb } of recordsIn(event)) keysOf.set(eventID, dynamodb?.Keys);
    },
    forget: (event) => {
      for (const { eventID = "" } of recordsIn(event)) keysOf.delete(eventID);
    },
  };
};
