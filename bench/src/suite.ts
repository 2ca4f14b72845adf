// The type of a suite. Each suite is a file in suites/ and an entry in suites.ts.

/** The size of a measurement. */
export interface SuiteOptions {
  /** Number of timed rounds. */
  readonly rounds: number;
  /** Number of records in a batch. */
  readonly batchSize: number;
  /** Number of batches of each mix in a round. */
  readonly batches: number;
  /** Whether a suite that takes minutes measures only a part, for a short time. */
  readonly isQuick?: boolean;
  /** The folder of the documentation that a suite updates. Without it the suite writes no file. */
  readonly docs?: string | undefined;
}

/** Figures by name, such as `postgres/version-table/insert/vs-raw`. For a ratio, a higher figure is better. */
export type Figures = Readonly<Record<string, number>>;

/** The goal of a figure. It applies to a machine with 2 cores and to batches of 1,000 records. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** The result of a suite. */
export interface SuiteReport {
  readonly figures: Figures;
  readonly goals: Readonly<Record<string, Goal>>;
  /** Lines of Markdown: the conditions of the run, and tables of the results. */
  readonly lines: readonly string[];
}

/** A suite of the bench. */
export interface Suite {
  readonly name: string;
  /**
   * If true, the suite runs only if the command names it, because the suite takes minutes even with few rounds.
   */
  readonly isRunByNameOnly?: true;
  readonly run: (options: SuiteOptions) => Promise<SuiteReport>;
}
