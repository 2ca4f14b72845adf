// Sends the rows of a call, and finds out whether a refusal is the fault of one row or of the target.
//
// The SQLSTATE does not tell: a policy, a trigger or an input function can refuse one row with the SQLSTATE of a missing
// table. So after the first refusal, the same statement is sent without rows. If Postgres refuses this statement too,
// the target is at fault. Otherwise the rows are split. A row that is refused alone while another row passes is at
// fault itself.

import {
  type DeliveryError,
  failAll,
  failed,
  isTargetWide,
  notStarted,
  orSinkError,
  SinkError,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import {
  concernsServer,
  isOfRow,
  isRetriedAlone,
  isRowOnly,
  mayConcernTarget,
  mayDependOnRows,
  rowFault,
} from "../classify.ts";
import type { RowEntry } from "../encode.ts";
import { halvesByAge } from "./batch.ts";
import { isRemoval } from "./parameters.ts";

/** The answer to a statement that wrote nothing, because the table's columns have changed. */
export const stale: unique symbol = Symbol("stale");

/** What the statement of a part has settled. */
export interface SentPart {
  readonly results: readonly WriteResult[];
  /** The entries that need another statement. They are sent next. */
  readonly left?: readonly RowEntry[];
}

/** The answer to a part, or `stale`. */
export type PartAnswer = SentPart | typeof stale;

/** What is known about the table from earlier calls in this environment. */
export interface RowMemory {
  /** Whether Postgres has taken a row, and has refused no single row since. */
  takesRows: boolean;
}

/** Which kinds of rows Postgres has taken in this call. */
export interface PassedRows {
  readonly upsert: boolean;
  readonly removal: boolean;
}

/** Returns which kinds of rows were delivered. */
export const passedBy = (results: readonly WriteResult[]): PassedRows => {
  const passed = results.filter(({ outcome }) => outcome === "delivered");
  const removals = passed.filter(({ delivery }) => isRemoval({ delivery: delivery as UpsertDelivery<unknown> }));
  return { upsert: removals.length < passed.length, removal: removals.length > 0 };
};

/** How to send the rows of a call. */
export interface RowSender {
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly signal: AbortSignal;
  readonly memory: RowMemory;
  /** The rows that passed before in this call. */
  readonly passed?: PassedRows | undefined;
  /** Sends one part in one statement. Rejects with a SinkError if Postgres refuses the statement. */
  readonly send: (part: readonly RowEntry[]) => Promise<PartAnswer>;
  /**
   * Called once, after the first refusal. Finds out whether the target is at fault: resolves with the error of the
   * target, with `stale` if the columns have changed, or with undefined if Postgres takes the statement without rows.
   */
  readonly checkTarget: (
    refused: SinkError,
    part: readonly RowEntry[],
  ) => Promise<SinkError | typeof stale | undefined>;
}

/** The results of a call. If `isStale`, the entries without a result must be encoded and sent again. */
export interface SentRows {
  readonly results: readonly WriteResult[];
  readonly isStale: boolean;
}

/** If this many single rows are refused and no row passes, the target is at fault. */
const mostRefused = 16;

interface Undecided {
  readonly entry: RowEntry;
  readonly error: SinkError;
}

/** A row that was refused because of another row. */
interface Waiting extends Undecided {
  /** How many parts had passed before. */
  readonly passedParts: number;
}

/** Chooses single rows from all over the part. */
const probesOf = (part: readonly RowEntry[]): readonly RowEntry[] => {
  const step = Math.max(1, Math.floor(part.length / mostRefused));
  return part.filter((_, index) => index % step === 0).slice(0, mostRefused);
};

class Sending {
  readonly results: WriteResult[] = [];
  readonly #undecided: Undecided[] = [];
  readonly #sender: RowSender;
  #left: (readonly RowEntry[])[];
  #waiting: Waiting[] = [];
  #passedParts = 0;
  #isTargetChecked = false;
  #refusedAlone = 0;
  #upsertPassed: boolean;
  #removalPassed: boolean;

  constructor(parts: readonly (readonly RowEntry[])[], sender: RowSender) {
    this.#left = [...parts];
    this.#sender = sender;
    this.#upsertPassed = sender.passed?.upsert === true;
    this.#removalPassed = sender.passed?.removal === true;
  }

  async run(): Promise<boolean> {
    while (this.#left.length > 0) {
      for (let part = this.#left.shift(); part !== undefined; part = this.#left.shift()) {
        if (await this.#sendPart(part)) return true;
      }
      this.#left = this.#repeated();
    }
    this.#decide();
    return false;
  }

  /**
   * Returns the refused rows that are sent again, because others have passed since. A row may free a unique value by an
   * older change, and have changed again: then the row that takes the value was sent first.
   */
  #repeated(): (readonly RowEntry[])[] {
    const repeated = this.#waiting.filter(({ passedParts }) => passedParts < this.#passedParts);
    this.#waiting = this.#waiting.filter((one) => !repeated.includes(one));
    // In the opposite order, a chain of rows that each wait for the next one passes at once.
    return repeated.map(({ entry }) => [entry]).reverse();
  }

  /** Returns true if the columns have changed. */
  async #sendPart(part: readonly RowEntry[]): Promise<boolean> {
    if (this.#sender.signal.aborted) {
      this.#failRest(part, notStarted(this.#sender.sink));
      return false;
    }
    const sent = await orSinkError(this.#sender.send(part));
    if (sent === stale) return true;
    if (sent instanceof SinkError) return this.#refused(part, sent);
    const { results, left = [] } = sent;
    this.results.push(...results);
    const { upsert, removal } = passedBy(results);
    if (upsert || removal) this.#passedParts += 1;
    this.#upsertPassed ||= upsert;
    this.#removalPassed ||= removal;
    return left.length === 0 ? false : this.#sendPart(left);
  }

  async #refused(part: readonly RowEntry[], error: SinkError): Promise<boolean> {
    if (concernsServer(error)) {
      this.#failRest(part, error);
      return false;
    }
    if (!this.#isTargetChecked && mayConcernTarget(error)) {
      this.#isTargetChecked = true;
      const fault = await this.#sender.checkTarget(error, part);
      if (fault === stale) {
        this.#left.unshift(part);
        return true;
      }
      if (fault !== undefined) {
        this.#failRest(part, fault);
        return false;
      }
    }
    const [entry] = part;
    if (part.length === 1 && entry !== undefined) this.#refuseAlone(entry, error);
    else if (!isOfRow(error) && !this.#upsertPassed) return this.#probe(part);
    else this.#left.unshift(...halvesByAge(part));
    return false;
  }

  /** Sends single rows until one of them passes, and leaves the rest of the part for later. */
  async #probe(part: readonly RowEntry[]): Promise<boolean> {
    const rest = new Set(part);
    const others = this.#left;
    for (const probe of probesOf(part)) {
      rest.delete(probe);
      this.#left = rest.size === 0 ? others : [[...rest], ...others];
      if (await this.#sendPart([probe])) return true;
      if (this.#upsertPassed || this.#left.length === 0) return false;
    }
    return false;
  }

  #refuseAlone(entry: RowEntry, error: SinkError): void {
    if (mayDependOnRows(error)) {
      this.#waiting.push({ entry, error, passedParts: this.#passedParts });
      return;
    }
    if (isOfRow(error)) {
      this.results.push(failed(entry.delivery, error));
      return;
    }
    if (isRetriedAlone(error)) this.results.push(failed(entry.delivery, error));
    else this.#undecided.push({ entry, error });
    this.#refusedAlone += 1;
    if (this.#refusedAlone >= mostRefused && !this.#upsertPassed) this.#failRest([], error);
  }

  #failRest(part: readonly RowEntry[], error: DeliveryError): void {
    const waiting = this.#waiting.map(({ entry }) => entry);
    this.results.push(...failAll([...part, ...this.#left.flat(), ...waiting], error));
    this.#left = [];
    this.#waiting = [];
  }

  /** Whether the row is at fault: a row of its kind passed, or the target took rows before and refuses only this one. */
  #isRowAtFault({ entry, error }: Undecided): boolean {
    if (this.#upsertPassed || (isRemoval(entry) && this.#removalPassed)) return true;
    return this.#undecided.length === 1 && (this.#sender.memory.takesRows || isRowOnly(error));
  }

  #decide(): void {
    const { sink, memory } = this.#sender;
    for (const { entry, error } of this.#waiting) this.results.push(failed(entry.delivery, error));
    for (const one of this.#undecided) {
      const error = this.#isRowAtFault(one) ? rowFault(sink, one.error) : one.error;
      this.results.push(failed(one.entry.delivery, error));
    }
    // One row is rejected because rows passed in earlier calls. A second row needs new evidence.
    if (this.#undecided.length > 0) memory.takesRows = false;
    if (this.#upsertPassed) memory.takesRows = true;
  }
}

/** Sends the parts one after the other, splits a refused part, and decides for each refused row who is at fault. */
export const sendRows = async (parts: readonly (readonly RowEntry[])[], sender: RowSender): Promise<SentRows> => {
  const sending = new Sending(parts, sender);
  const isStale = await sending.run();
  return { results: sending.results, isStale };
};

/** Returns the first error if every delivery failed with its code, and the target is at fault. A timeout may be a row's. */
export const errorOfTarget = (results: readonly WriteResult[]): SinkError | undefined => {
  const [first] = results;
  if (first?.outcome !== "failed" || !(first.error instanceof SinkError)) return undefined;
  const { error } = first;
  const isForAll = results.every((result) => result.outcome === "failed" && result.error.code === error.code);
  return isForAll && isTargetWide(error.code) && error.code !== "SINK_TIMEOUT" ? error : undefined;
};
