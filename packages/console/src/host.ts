// What a console needs of the world behind it: a pipeline that runs on this machine, or a deployment.

import type { About } from "./api/about.ts";
import type {
  DeadLetterEdit,
  DeadLetterPage,
  DeadLetterResult,
  DeadLetterSelection,
  DeadLetterView,
  DropResult,
} from "./api/dead-letters.ts";
import type { DoctorView } from "./api/doctor.ts";
import type { ItemQuestion, ItemValues, ItemView } from "./api/item.ts";
import type { Overview } from "./api/overview.ts";
import type { RunInput, RunResult, RunStep } from "./api/runs.ts";
import type { ChangeFeed } from "./feed/feed.ts";

/** How a run works. A run that ends because the signal aborts goes on when it is called again with the same id. */
export interface RunCall {
  /** Name of the run, the same after a pause. */
  readonly id: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RunStep) => void;
  /** The partial result of the call before a pause, if that call had one. */
  readonly earlier?: RunResult;
}

/** The world behind a console. Each action is the function that the command line calls. */
export interface ConsoleHost {
  readonly about: () => About;
  /** Calls the listener when `about` has changed. Returns the function that ends this. */
  readonly onAbout: (listener: () => void) => () => void;
  /** Asked once a second while a page looks, or less often if `everyMs` says so. */
  readonly overview: (signal: AbortSignal) => Promise<Overview>;
  /** Time between two calls of `overview`. Default 1,000. */
  readonly everyMs?: number;
  /** The changes, if the console sees them. */
  readonly feed?: ChangeFeed;
  readonly item: (question: ItemQuestion, signal: AbortSignal) => Promise<Pick<ItemView, "trace">>;
  readonly itemValues: (question: ItemQuestion, signal: AbortSignal) => Promise<ItemValues>;
  readonly deadLetters: (queueUrl: string, signal: AbortSignal) => Promise<DeadLetterPage>;
  readonly deadLetter: (queueUrl: string, id: string, signal: AbortSignal) => Promise<DeadLetterView>;
  readonly editDeadLetter: (edit: DeadLetterEdit, signal: AbortSignal) => Promise<DeadLetterResult>;
  /** Lines of JSON, which `sluice redrive` reads. */
  readonly exportDeadLetters: (selection: DeadLetterSelection, signal: AbortSignal) => Promise<readonly string[]>;
  readonly dropDeadLetters: (selection: DeadLetterSelection, signal: AbortSignal) => Promise<DropResult>;
  /** Does a run. Undefined as its result: the signal aborted before the end. */
  readonly run: (input: RunInput, call: RunCall) => Promise<RunResult | undefined>;
  /** The command line that does the same. */
  readonly commandOf: (input: RunInput) => string;
  readonly doctor: (signal: AbortSignal) => Promise<DoctorView>;
}
