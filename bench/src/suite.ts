// What a suite is: one file in suites/, one entry in suites.ts.

/** How much is measured. */
export interface SuiteOptions {
  /** Timed rounds; every contender takes part in each. */
  readonly rounds: number;
  /** Records of one batch. */
  readonly batchSize: number;
  /** Batches that a contender takes per mix and round. */
  readonly batches: number;
}

/** Name to number: `postgres/version-table/insert/vs-raw`. Of a ratio, higher is better. */
export type Figures = Readonly<Record<string, number>>;

/** What a figure should reach, on 2 cores and with 1,000 records a batch. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface SuiteReport {
  readonly figures: Figures;
  readonly goals: Readonly<Record<string, Goal>>;
  /** Lines of Markdown: what was run on, and tables of what was measured. */
  readonly lines: readonly string[];
}

export interface Suite {
  readonly name: string;
  /** Takes minutes by the clock, whatever the rounds: not part of a run of all suites. */
  readonly isRunByNameOnly?: true;
  readonly run: (options: SuiteOptions) => Promise<SuiteReport>;
}
