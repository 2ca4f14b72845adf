// A model of SQS: standard and FIFO queues with message groups, visibility, receive counts and deduplication.

import type { SqsEntry } from "@sluice/core/envelope";

/** A message in a queue. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly group: string;
  /** Undefined until the message is received. */
  receipt: string | undefined;
  visibleAt: number;
  receives: number;
}

/** The answer of a batch request. */
export interface BatchAnswer {
  readonly Successful: { readonly Id: string }[];
  readonly Failed: { readonly Id: string; readonly Code: string }[];
}

const deduplicationMs = 300_000;

/** One queue. */
export class Queue {
  readonly url: string;
  readonly arn: string;
  readonly isFifo: boolean;
  readonly messages: QueueMessage[] = [];
  /** Called after a message has arrived or is visible again. */
  onChange: () => void = () => undefined;
  readonly #now: () => number;
  readonly #seen = new Map<string, number>();
  #count = 0;

  constructor(name: string, isFifo: boolean, now: () => number) {
    const full = isFifo ? `${name}.fifo` : name;
    this.url = `https://sqs.us-east-1.amazonaws.com/123456789012/${full}`;
    this.arn = `arn:aws:sqs:us-east-1:123456789012:${full}`;
    this.isFifo = isFifo;
    this.#now = now;
  }

  /** Stores a message. A FIFO queue accepts a repeated deduplication id, but stores nothing. */
  add(body: string, group: string, deduplicationId: string | undefined, delayMs = 0): void {
    if (this.isFifo && deduplicationId !== undefined) {
      const seen = this.#seen.get(deduplicationId);
      if (seen !== undefined && this.#now() - seen < deduplicationMs) return;
      this.#seen.set(deduplicationId, this.#now());
    }
    this.#count += 1;
    const id = `${this.url.slice(-8)}-${this.#count}`;
    this.messages.push({ id, body, group, receipt: undefined, visibleAt: this.#now() + delayMs, receives: 0 });
    this.onChange();
  }

  /** The batch request. If the answer is partial, the second half of the entries is refused. */
  send(entries: readonly SqsEntry[], isPartial: boolean): BatchAnswer {
    const answer: BatchAnswer = { Successful: [], Failed: [] };
    const taken = isPartial ? Math.floor(entries.length / 2) : entries.length;
    for (const [
      index,
      { Id, MessageBody, MessageGroupId = "", MessageDeduplicationId, DelaySeconds },
    ] of entries.entries()) {
      if (index >= taken) {
        answer.Failed.push({ Id, Code: "InternalError" });
        continue;
      }
      this.add(MessageBody, MessageGroupId, MessageDeduplicationId, (DelaySeconds ?? 0) * 1_000);
      answer.Successful.push({ Id });
    }
    return answer;
  }

  #isInFlight({ receipt, visibleAt }: QueueMessage): boolean {
    return receipt !== undefined && visibleAt > this.#now();
  }

  /** Receives messages in order, and hides them. A group with a message in flight is skipped. */
  receive(max: number, visibilityMs: number): QueueMessage[] {
    const blocked = new Set(
      this.messages.filter((message) => this.isFifo && this.#isInFlight(message)).map(({ group }) => group),
    );
    const visible = this.messages
      .filter(({ visibleAt, group }) => visibleAt <= this.#now() && !blocked.has(group))
      .slice(0, max);
    for (const message of visible) {
      message.receives += 1;
      message.receipt = `${message.id}/${message.receives}`;
      message.visibleAt = this.#now() + visibilityMs;
    }
    return visible;
  }

  /** Deletes a message by a receipt. Old receipts also delete, as in standard queues. */
  remove(receipt: string): QueueMessage | undefined {
    const id = receipt.slice(0, receipt.lastIndexOf("/"));
    const index = this.messages.findIndex((message) => message.id === id);
    return index < 0 ? undefined : this.messages.splice(index, 1)[0];
  }

  /** Hides a message for this many seconds from now on. */
  hide(receipt: string, seconds: number): void {
    const message = this.messages.find((candidate) => candidate.receipt === receipt);
    if (message === undefined) return;
    message.visibleAt = this.#now() + seconds * 1_000;
    if (seconds === 0) message.receipt = undefined;
    this.onChange();
  }

  /** Time at which the next message can be received, or undefined if the queue is empty. */
  nextReceiveAt(): number | undefined {
    if (this.messages.length === 0) return undefined;
    const blockedUntil = new Map<string, number>();
    for (const message of this.messages) {
      if (!this.isFifo || !this.#isInFlight(message)) continue;
      blockedUntil.set(message.group, Math.max(blockedUntil.get(message.group) ?? 0, message.visibleAt));
    }
    return Math.min(...this.messages.map(({ visibleAt, group }) => Math.max(visibleAt, blockedUntil.get(group) ?? 0)));
  }
}
