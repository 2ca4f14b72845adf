// One simulated world: targets, queues, stores, and the environments of the pipelines' functions.

import { gzipSync } from "node:zlib";
import { pipeline as createPipeline, type PipelineHandler, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { PayloadStore, SqsEntry, SqsQueueClient, StreamRecord } from "@sluice/core/envelope";
import {
  type AppendDelivery,
  type Change,
  type DedupeStore,
  type Delivery,
  delivered,
  failed,
  RecordError,
  type Sink,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { memoryDedupe } from "@sluice/testing";
import { contentOf, isBroken, matches, routeName } from "./behaviour.ts";
import { Environment } from "./environment.ts";
import type { Fault, FaultKind, Outage, PipelinePlan, Place, Plan, RoutePlan } from "./plan.ts";
import { Queue, type QueueMessage } from "./queue.ts";
import { type Random, randomFrom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { changesOf, type Item, keysOf, nameOf, rowKey, type TableChange, tableArn } from "./table.ts";
import { AppendTarget, type Message, type RowOf, UpsertTarget } from "./targets.ts";

/** The parts of a world that a test may replace by broken ones, to see that the oracles catch them. */
export interface Parts {
  readonly appendTarget: (isFifo: boolean) => AppendTarget;
  readonly upsertTarget: (rowOf: RowOf) => UpsertTarget;
  readonly queue: (name: string, isFifo: boolean, now: () => number) => Queue;
  readonly store: (now: () => number) => DedupeStore;
  /** Returns the record that a backfill sends. */
  readonly backfilled: (record: StreamRecord) => StreamRecord;
}

export const realParts: Parts = {
  appendTarget: (isFifo) => new AppendTarget(isFifo),
  upsertTarget: (rowOf) => new UpsertTarget(rowOf),
  queue: (name, isFifo, now) => new Queue(name, isFifo, now),
  store: (now) => memoryDedupe({ now }),
  backfilled: (record) => record,
};

/** Names one delivery: a change on its way to a route. */
export const deliveryName = (pipeline: string, route: string, eventId: string): string =>
  `${pipeline}/${route}/${eventId}`;

/** The stored form of a failed delivery, as its published schema describes it. */
interface StoredEnvelope {
  readonly id: string;
  readonly pipeline: string;
  readonly sink: string;
  readonly record?: {
    readonly eventID?: string;
    readonly dynamodb?: { readonly Keys?: { readonly [name: string]: { readonly S?: string } } };
  };
  readonly recordUrl?: string;
}

/** The answer of a function: the records to repeat, or undefined if the invocation failed. */
export type FunctionAnswer = Awaited<ReturnType<PipelineHandler>> | undefined;

interface Instance {
  readonly environment: Environment;
  readonly handler: PipelineHandler;
}

const unavailable = (): SinkError => new SinkError("SINK_UNAVAILABLE", "the request failed");

/** One world. */
export class World {
  readonly plan: Plan;
  readonly scheduler = new Scheduler();
  readonly random: Random;
  readonly start: number;
  readonly changes: readonly TableChange[];
  readonly appendTargets = new Map<number, AppendTarget>();
  readonly upsertTargets = new Map<number, UpsertTarget>();
  readonly deadLetters: Queue;
  readonly retries: Queue;
  readonly store: DedupeStore;
  readonly backfilled: Parts["backfilled"];
  /** Time at which a delivery was first stored in the dead-letter queue. */
  readonly deadLettered = new Map<string, number>();
  /** Records in the payload store, by address. */
  readonly payloads = new Map<string, { readonly bytes: Uint8Array; readonly eventId: string }>();
  /** What went wrong while the world was played. */
  readonly violations: string[] = [];
  /** Number of invocations that have started and not ended. */
  running = 0;
  isOver = false;
  /** From this time on, no fault happens. */
  calmAt = Number.POSITIVE_INFINITY;
  readonly #requests = new Map<Place, number>();
  readonly #used = new Set<Fault>();
  readonly #instances: Instance[][];
  readonly #positions: ReadonlyMap<string, number>;
  #invocations = 0;

  constructor(plan: Plan, parts: Parts) {
    this.plan = plan;
    this.random = randomFrom(plan.seed + 1);
    this.start = this.scheduler.now;
    this.changes = changesOf(plan, this.start);
    this.#positions = new Map(this.changes.map(({ eventId, position }) => [eventId, position]));
    const now = (): number => this.scheduler.now;
    this.deadLetters = parts.queue("letters", plan.deadLetterQueue === "fifo", now);
    this.retries = parts.queue("retries", plan.retryQueue === "fifo", now);
    this.store = parts.store(now);
    this.backfilled = parts.backfilled;
    this.#instances = plan.pipelines.map(() => []);
    for (const { routes } of plan.pipelines) {
      for (const { writes, target, isFifo } of routes) {
        if (writes === "append" && !this.appendTargets.has(target))
          this.appendTargets.set(target, parts.appendTarget(isFifo));
        if (writes === "upsert" && !this.upsertTargets.has(target)) {
          this.upsertTargets.set(
            target,
            parts.upsertTarget((keys) => rowKey(plan.sharesRows, keys)),
          );
        }
      }
    }
  }

  /** Milliseconds since the start. */
  get elapsed(): number {
    return this.scheduler.now - this.start;
  }

  faultAt(place: Place): FaultKind | undefined {
    const count = (this.#requests.get(place) ?? 0) + 1;
    this.#requests.set(place, count);
    if (this.scheduler.now >= this.calmAt) return undefined;
    const isTarget = place === "append" || place === "upsert";
    if (!isTarget && this.#outage(place, undefined) !== undefined) return "error";
    const found = this.plan.faults.find(
      (fault) =>
        fault.place === place &&
        !this.#used.has(fault) &&
        ("nth" in fault ? fault.nth === count : fault.at <= this.elapsed),
    );
    if (found !== undefined) this.#used.add(found);
    return found?.kind;
  }

  /** Returns the event id of the record in a stored envelope. */
  deliveryOf({ body }: Pick<QueueMessage, "body">): string {
    const { pipeline, sink, record, recordUrl } = JSON.parse(body) as StoredEnvelope;
    const eventId = recordUrl === undefined ? record?.eventID : this.payloads.get(recordUrl)?.eventId;
    return deliveryName(pipeline, sink, eventId ?? "lost");
  }

  /** Invokes the function of a pipeline, in an idle environment or a new one. */
  invoke(index: number, event: unknown): Promise<FunctionAnswer> {
    const { environment, handler } = this.#instance(index);
    this.#invocations += 1;
    this.running += 1;
    environment.isBusy = true;
    environment.invocation = this.#invocations;
    environment.thaw();
    const endsAt = this.scheduler.now + this.plan.timeoutMs;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (answer: FunctionAnswer): void => {
        if (isOver) return;
        isOver = true;
        this.running -= 1;
        environment.isBusy = false;
        if (!environment.isZombie) environment.freeze();
        resolve(answer);
      };
      environment.onCrash = () => end(undefined);
      this.scheduler.after(this.plan.timeoutMs, () => {
        if (!isOver && !environment.isZombie) environment.isDead = true;
        end(undefined);
      });
      const context = { getRemainingTimeInMillis: () => endsAt - this.scheduler.now };
      handler(event, context).then(end, () => end(undefined));
    });
  }

  /** Ends the idle environments, as Lambda does after a deployment. */
  recycle(): void {
    for (const instances of this.#instances) {
      for (const { environment } of instances.splice(0)) if (!environment.isBusy) environment.isDead = true;
    }
  }

  #instance(index: number): Instance {
    const instances = this.#instances[index] as Instance[];
    const usable = instances.filter(
      ({ environment }) =>
        !environment.isDead && !environment.isBusy && !environment.isZombie && this.#isAlive(environment.version),
    );
    if (usable.length > 0 && (usable.length >= this.plan.environments || this.random.chance(0.7)))
      return this.random.pick(usable);
    const versions = [0, 1].filter((version) => this.#isAlive(version));
    const environment = new Environment(this, this.random.pick(versions));
    const instance = { environment, handler: this.#handler(this.plan.pipelines[index] as PipelinePlan, environment) };
    instances.push(instance);
    return instance;
  }

  #isAlive(version: number): boolean {
    const { deployedAt, retiredAt } = this.plan;
    return version === 0 ? this.elapsed < retiredAt : this.elapsed >= deployedAt;
  }

  #handler(planned: PipelinePlan, environment: Environment): PipelineHandler {
    const { plan } = this;
    const payloadStore = this.#payloadStore(environment);
    const letters = {
      queueUrl: this.deadLetters.url,
      client: this.#client(this.deadLetters, environment),
      payloadStore,
    };
    const retries = { queueUrl: this.retries.url, client: this.#client(this.retries, environment), payloadStore };
    const options = {
      ...(planned.usesRetryQueue && { retryQueue: sqsRetryQueue(retries) }),
      dedupeStore: this.#storeOf(environment),
      logger: { info: () => undefined, warn: () => undefined },
      clock: environment.clock,
      retry: { maxAttempts: plan.maxAttempts },
      ...(plan.failover && { source: this.#sourcesOf(plan.failover) }),
      ...(plan.failover === undefined && plan.strangers.length > 0 && { source: tableArn(0) }),
    };
    const reject =
      planned.onReject === "block" ? { onReject: "block" as const } : { deadLetterQueue: sqsDeadLetterQueue(letters) };
    let built = createPipeline<Item>(planned.name, { ...options, ...reject });
    // The predicate of `when` holds for all later routes, so the routes without a filter come first.
    const isFiltered = ({ filters }: RoutePlan): boolean => filters.some(({ kind }) => kind !== "all");
    for (const route of planned.routes.filter((route) => !isFiltered(route)))
      built = this.#withRoute(built, planned, route, environment);
    for (const route of planned.routes.filter(isFiltered)) built = this.#withRoute(built, planned, route, environment);
    return built.handler();
  }

  #sourcesOf({ away, back }: NonNullable<Plan["failover"]>) {
    const since = (at: number): string => new Date(this.start + at).toISOString().replace(".000Z", "Z");
    return [tableArn(0), { table: tableArn(1), since: since(away) }, { table: tableArn(0), since: since(back) }];
  }

  #withRoute<Built extends ReturnType<typeof createPipeline<Item>>>(
    built: Built,
    planned: PipelinePlan,
    route: RoutePlan,
    environment: Environment,
  ): Built {
    const filter = route.filters[Math.min(environment.version, route.filters.length - 1)] ?? { kind: "all" };
    const filtered = filter.kind === "all" ? built : built.when((item) => matches(filter, item, this.scheduler.now));
    const { name, dedupe, retryIn, removesUnmatched } = route;
    const options = {
      ...(name && { name }),
      ...(dedupe && { dedupe }),
      ...(retryIn && { retryIn }),
      ...(removesUnmatched && { removesUnmatched }),
    };
    const pipeline = planned.name;
    const sent = (change: Change<Item>): Message | undefined => {
      if (isBroken(this.plan, route, this.#positions.get(change.eventId) ?? 0, this.elapsed))
        throw new Error("the mapper has a bug");
      const message = { pipeline, route: routeName(route), item: nameOf(change.keys) };
      if (route.writes === "append") return { ...message, content: change.eventId };
      const { after } = change;
      if (after === undefined) return undefined;
      if (route.mapper === "kind")
        return change.kind === "insert" ? undefined : { ...message, content: contentOf(after) };
      if (route.mapper === "before" && change.before === undefined) return undefined;
      return { ...message, content: contentOf(after) };
    };
    const added = filtered.to(
      this.#sink(route, environment) as Sink<Message, "append">,
      sent as (change: Change<Item>) => Message | undefined,
      options,
    );
    return added as unknown as Built;
  }

  #outage(place: Outage["place"], name: string | undefined): Outage["answer"] | undefined {
    if (this.scheduler.now >= this.calmAt) return undefined;
    const found = this.plan.outages.find(
      ({ place: where, item, from, to }) =>
        where === place &&
        from <= this.elapsed &&
        this.elapsed < to &&
        (item === undefined ? name === undefined : name === this.#nameOf(item)),
    );
    return found?.answer;
  }

  #sink(route: RoutePlan, environment: Environment): Sink<Message> {
    const { writes, target, isFifo } = route;
    const write = (batch: readonly Delivery[], context: WriteContext): Promise<readonly WriteResult[]> => {
      const { invocation } = environment;
      const requested = environment.request<readonly WriteResult[]>({
        place: writes,
        failure: () => new SinkError("SINK_TIMEOUT", "the target did not answer"),
        effect: (isPartial) => {
          if (this.#outage(writes, undefined) === "throttled") throw unavailable();
          return batch.map((delivery, index) =>
            isPartial && index >= batch.length / 2
              ? failed(delivery, new SinkError("SINK_THROTTLED", "the target throttled the entry"))
              : this.#write(route, delivery, invocation),
          );
        },
      });
      const answered = requested.then((results) => {
        this.#confirm(route, results, invocation);
        return results;
      });
      return this.#orAborted(answered, context);
    };
    return {
      name: writes,
      ...(writes === "upsert" && { target: `target-${target}` }),
      supports: {
        writes,
        maxEntries: this.plan.maxEntries,
        concurrency: this.plan.concurrency,
        ...(isFifo && { dedupesForMs: 300_000 }),
      },
      write: write as never,
    };
  }

  #orAborted<Answer>(answered: Promise<Answer>, { signal }: WriteContext): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new SinkError("SINK_TIMEOUT", "the invocation's time was over"));
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      answered.then(resolve, reject);
    });
  }

  #write(route: RoutePlan, delivery: Delivery, invocation: number): WriteResult {
    const answer = this.#outage(route.writes, nameOf(delivery.change.keys)) ?? this.#outage(route.writes, undefined);
    if (answer === "throttled")
      return failed(delivery, new SinkError("SINK_THROTTLED", "the target throttled the entry"));
    // A target refuses contents, not removals.
    if (answer === "rejected") return failed(delivery, new SinkError("SINK_REJECTED", "the target rejected the entry"));
    if (route.writes === "append") {
      this.appendTargets.get(route.target)?.take(delivery as AppendDelivery<Message>, this.scheduler.now, invocation);
      return delivered(delivery);
    }
    const isNewer = this.upsertTargets.get(route.target)?.take(delivery as UpsertDelivery<Message>);
    return isNewer ? delivered(delivery) : superseded(delivery);
  }

  /** Notes what the environment knows to be written. */
  #confirm({ writes, target }: RoutePlan, results: readonly WriteResult[], invocation: number): void {
    for (const { delivery, outcome } of results) {
      if (outcome === "failed") continue;
      const { change, message } = delivery as UpsertDelivery<Message>;
      if (writes === "append") {
        const taken = this.appendTargets
          .get(target)
          ?.accepted.findLast(
            (accepted) =>
              accepted.eventId === change.eventId && accepted.invocation === invocation && accepted.message === message,
          );
        if (taken !== undefined) taken.isAnswered = true;
      } else if (message !== undefined) {
        this.upsertTargets.get(target)?.confirmed.set(nameOf(change.keys), change.version);
      }
    }
  }

  /** The client of a queue inside an environment. Records of some items are replaced by addresses, as large ones are. */
  #client(queue: Queue, environment: Environment): SqsQueueClient {
    const place = queue === this.retries ? "retries" : "dead-letters";
    const failure = unavailable;
    return {
      sendMessageBatch: ({ Entries }) =>
        environment.request({
          place,
          failure,
          effect: (isPartial) => {
            const entries = Entries.map((entry) => this.#offload(entry));
            const answer = queue.send(entries, isPartial);
            if (queue === this.deadLetters) for (const { body } of queue.messages) this.#noteDeadLetter(body);
            return answer;
          },
        }),
      deleteMessageBatch: ({ Entries }) =>
        environment.request({
          place,
          failure,
          effect: () => {
            for (const { ReceiptHandle } of Entries) queue.remove(ReceiptHandle);
            return { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] };
          },
        }),
      changeMessageVisibilityBatch: ({ Entries }) =>
        environment.request({
          place,
          failure,
          effect: () => {
            for (const { ReceiptHandle, VisibilityTimeout } of Entries) queue.hide(ReceiptHandle, VisibilityTimeout);
            return { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] };
          },
        }),
    };
  }

  #nameOf(item: number): string {
    return nameOf(keysOf(item, this.plan.sharesRows));
  }

  #noteDeadLetter(body: string): void {
    const name = this.deliveryOf({ body });
    if (!this.deadLettered.has(name)) this.deadLettered.set(name, this.scheduler.now);
  }

  #offload(entry: SqsEntry): SqsEntry {
    const envelope = JSON.parse(entry.MessageBody) as StoredEnvelope;
    const { record, ...rest } = envelope;
    const { pk, sk } = record?.dynamodb?.Keys ?? {};
    const name = nameOf({ pk: pk?.S, sk: sk?.S });
    if (record === undefined || !this.plan.offloaded.some((item) => this.#nameOf(item) === name)) return entry;
    const recordUrl = `s3://payloads/${this.payloads.size}`;
    this.payloads.set(recordUrl, { bytes: gzipSync(JSON.stringify(record)), eventId: record.eventID ?? "" });
    return { ...entry, MessageBody: JSON.stringify({ ...rest, recordUrl }) };
  }

  #payloadStore(environment: Environment): PayloadStore {
    return {
      put: async () => {
        throw unavailable();
      },
      get: (url) =>
        environment.request({
          place: "payload",
          failure: unavailable,
          effect: () => {
            const payload = this.payloads.get(url);
            if (payload === undefined) throw new RecordError("RECORD_LOST", "the record does not exist");
            return payload.bytes;
          },
        }),
      remove: async () => undefined,
    };
  }

  #storeOf(environment: Environment): DedupeStore {
    const { journal, leases, pendingItems } = this.store;
    /** Sends every call of a part of the store as a request. */
    const remote = <Part extends object>(part: Part, place: Place): Part =>
      Object.fromEntries(
        Object.entries(part).map(([name, call]) => [
          name,
          async (...args: unknown[]) =>
            environment.request({
              place,
              failure: unavailable,
              effect: () => (call as (...given: unknown[]) => unknown)(...args),
            }),
        ]),
      ) as Part;
    return {
      journal: remote(journal, "journal"),
      leases: remote(leases, "leases"),
      ...(pendingItems && { pendingItems: remote(pendingItems, "marks") }),
    };
  }
}
