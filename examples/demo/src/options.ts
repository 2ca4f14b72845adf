// The demo's options.

import { parseArgs } from "node:util";

/** Targets that hold a copy of the table. */
export type ReplicaName = "postgres" | "opensearch" | "dynamodb";

/** Targets that are sent every change. */
export type FeedName = "sns" | "sqs" | "email" | "webhook";

export type SinkName = ReplicaName | FeedName;

const replicaNames: readonly ReplicaName[] = ["postgres", "opensearch", "dynamodb"];
const feedNames: readonly FeedName[] = ["sns", "sqs", "email", "webhook"];
export const sinkNames: readonly SinkName[] = [...replicaNames, ...feedNames];

const defaultWrites = 3000;
/** A feed is sent each write, so fewer say as much. */
const defaultWritesWithFeeds = 600;
/** Spread over the time before, in and after the outage. */
const defaultWritesWithOutage = 1500;

/** The one that goes away, one that is sent every change, and one that holds a copy. */
const sinksWithOutage = "postgres,sqs,dynamodb";

export const usage: string = `Usage: npm run demo -- [options]

  --sinks LIST  one or several of ${replicaNames.join(", ")}, ${feedNames.join(", ")},
                joined by commas (default: postgres). To each of the last four a batch fails half way, the
                function crashes once, and what arrives is audited for duplicates, losses and order
  --outage      kill Postgres in the middle of the work, and bring it back (default of --sinks:
                ${sinksWithOutage})
  --keep        leave the dead letters in their queue and the engines running at the end, and say how to look
                at them and to redrive
  --writes N    updates, removes and re-inserts after the load (default: ${defaultWrites}; with --outage
                ${defaultWritesWithOutage}; with ${feedNames.join(", ")} ${defaultWritesWithFeeds})
  --seed N      of the workload (default: from the clock; it is printed)
  -h, --help    this text
`;

export interface Options {
  readonly sinks: readonly SinkName[];
  /** Of the sinks, those that hold a copy. */
  readonly replicas: readonly ReplicaName[];
  /** Of the sinks, those that are sent every change. */
  readonly feeds: readonly FeedName[];
  /** Whether Postgres goes away in the middle of the work. */
  readonly outage: boolean;
  readonly keep: boolean;
  readonly writes: number;
  readonly seed: number;
  readonly help: boolean;
}

const isSinkName = (name: string): name is SinkName => sinkNames.some((known) => known === name);

interface Values {
  readonly sinks?: string | undefined;
  readonly writes?: string | undefined;
  readonly seed: string;
  readonly outage: boolean;
  readonly keep: boolean;
  readonly help: boolean;
}

const usualWrites = (outage: boolean, feeds: readonly FeedName[]): number => {
  if (outage) return defaultWritesWithOutage;
  return feeds.length > 0 ? defaultWritesWithFeeds : defaultWrites;
};

const checked = ({ outage, keep, help, ...values }: Values): Options | string => {
  const named = values.sinks ?? (outage ? sinksWithOutage : "postgres");
  const sinks = [...new Set(named.split(",").map((name) => name.trim()))];
  const unknown = sinks.find((name) => !isSinkName(name));
  if (unknown !== undefined) return `--sinks has "${unknown}"; expected ${sinkNames.join(", ")}`;
  if (outage && !sinks.includes("postgres")) return "--outage is Postgres'; expected postgres among --sinks";
  const replicas = replicaNames.filter((name) => sinks.includes(name));
  const feeds = feedNames.filter((name) => sinks.includes(name));
  const [writes, seed] = [Number(values.writes ?? usualWrites(outage, feeds)), Number(values.seed)];
  if (!Number.isSafeInteger(writes) || writes < 1) return "--writes expects a whole number above 0";
  if (!Number.isSafeInteger(seed)) return "--seed expects a whole number";
  return { sinks: sinks.filter(isSinkName), replicas, feeds, outage, keep, help, writes, seed };
};

/** The options, or what is wrong with them. */
export const parseOptions = (args: string[]): Options | string => {
  try {
    const { values } = parseArgs({
      args,
      options: {
        sinks: { type: "string" },
        outage: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        writes: { type: "string" },
        seed: { type: "string", default: String(Date.now() % 1_000_000) },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return checked(values);
  } catch (error) {
    return (error as Error).message;
  }
};
