// The type of a suite: one file in suites/, and one entry in suites.ts.

/** The size of a measurement. */
export interface SuiteOptions {
  /** Timed rounds. */
  readonly rounds: number;
  /** Records of one batch. */
  readonly batchSize: number;
  /** Batches of each mix in a round. */
  readonly batches: number;
}

/** Name to number: `postgres/version-table/insert/vs-raw`. Of a ratio, higher is better. */
export type Figures = Readonly<Record<string, number>>;

/** The goal of a figure, on 2 cores and with 1,000 records a batch. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** The result of a suite. */
export interface SuiteReport {
  readonly figures: Figures;
  readonly goals: Readonly<Record<string, Goal>>;
  /** Lines of Markdown: the conditions, and tables of the measurements. */
  readonly lines: readonly string[];
}

/** A suite of the bench. */
export interface Suite {
  readonly name: string;
  /** Whether a run without a name skips the suite, as it takes minutes regardless of the rounds. */
  readonly isRunByNameOnly?: true;
  readonly run: (options: SuiteOptions) => Promise<SuiteReport>;
}
