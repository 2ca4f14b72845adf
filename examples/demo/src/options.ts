// Parses the options of the demo.

import { parseArgs } from "node:util";

/** Targets that store a copy of the table. */
export type ReplicaName = "postgres" | "opensearch" | "dynamodb";

/** Targets that receive a message for every change. */
export type FeedName = "sns" | "sqs" | "email" | "webhook";

/** Targets of the demo. */
export type SinkName = ReplicaName | FeedName;

const replicaNames: readonly ReplicaName[] = ["postgres", "opensearch", "dynamodb"];
const feedNames: readonly FeedName[] = ["sns", "sqs", "email", "webhook"];
/** All targets, replicas first. */
export const sinkNames: readonly SinkName[] = [...replicaNames, ...feedNames];

const defaultWrites = 3000;
/** Default number of writes if feeds are chosen. Low, because each write causes a message in every feed. */
const defaultWritesWithFeeds = 600;
/** Default number of writes with `--outage`. The writes take place before, during and after the outage. */
const defaultWritesWithOutage = 1500;

/** Default targets with an outage: Postgres (which is killed), a feed, and a second replica. */
const sinksWithOutage = "postgres,sqs,dynamodb";

/** Default targets of a backfill: all replicas. */
const sinksWithBackfill = replicaNames.join(",");

const defaultItems = 20_000;

/** The text of --help. */
export const usage: string = `Usage: npm run demo -- [options]

  --sinks LIST  targets, separated by commas (default: postgres):
                ${replicaNames.join(", ")} hold a copy of the table;
                ${feedNames.join(", ")} get a message for every change. For these, half of a batch
                fails, the function crashes once, and the messages are checked for duplicates, losses
                and order
  --outage      kill Postgres during the writes, and restart it (default of --sinks: ${sinksWithOutage})
  --svg FILE    with --outage, write the chart of the metrics to this file (default: a temporary file)
  --backfill    many items are there before the stream: a backfill copies them while a writer changes them,
                verify proves every replica, then copies are corrupted, found and repaired (default of
                --sinks: ${sinksWithBackfill})
  --items N     number of items before the stream, with --backfill (default: ${defaultItems})
  --keep        at the end keep the dead letters in their queue and the engines running, and print how to
                query the copies and how to redrive
  --writes N    number of updates, removes and re-inserts after the load (default: ${defaultWrites}; with --outage
                ${defaultWritesWithOutage}; with ${feedNames.join(", ")} ${defaultWritesWithFeeds})
  --seed N      seed of the random writes (default: from the clock; the demo prints it)
  -h, --help    print this text
`;

/** The options of a run. */
export interface Options {
  readonly sinks: readonly SinkName[];
  /** The chosen targets that store a copy of the table. */
  readonly replicas: readonly ReplicaName[];
  /** The chosen targets that receive a message for every change. */
  readonly feeds: readonly FeedName[];
  /** Whether Postgres is killed during the writes. */
  readonly outage: boolean;
  /** Whether the table is full before the stream, and a backfill copies it. */
  readonly backfill: boolean;
  /** The file for the chart of an outage. Undefined: a temporary file. */
  readonly svg: string | undefined;
  /** Number of items that are older than the stream. */
  readonly items: number;
  readonly keep: boolean;
  readonly writes: number;
  readonly seed: number;
  readonly help: boolean;
}

const isSinkName = (name: string): name is SinkName => sinkNames.some((known) => known === name);

interface ParsedValues {
  readonly items?: string | undefined;
  readonly sinks?: string | undefined;
  readonly writes?: string | undefined;
  readonly seed: string;
  readonly svg?: string | undefined;
  readonly outage: boolean;
  readonly backfill: boolean;
  readonly keep: boolean;
  readonly help: boolean;
}

const sinksByDefault = ({ outage, backfill }: Pick<ParsedValues, "outage" | "backfill">): string => {
  if (outage) return sinksWithOutage;
  return backfill ? sinksWithBackfill : "postgres";
};

const writesByDefault = (outage: boolean, feeds: readonly FeedName[]): number => {
  if (outage) return defaultWritesWithOutage;
  return feeds.length > 0 ? defaultWritesWithFeeds : defaultWrites;
};

/** Returns what is wrong with the targets for this kind of demo. */
const problemOf = (
  sinks: readonly string[],
  { outage, backfill }: Pick<ParsedValues, "outage" | "backfill">,
): string | undefined => {
  const unknown = sinks.find((name) => !isSinkName(name));
  if (unknown !== undefined) return `--sinks has "${unknown}"; expected ${sinkNames.join(", ")}`;
  if (outage && backfill) return "--outage and --backfill are two demos; expected one of them";
  if (outage && !sinks.includes("postgres")) return "--outage kills Postgres; expected postgres among --sinks";
  if (backfill && !sinks.includes("postgres")) return "--backfill corrupts Postgres; expected postgres among --sinks";
  const isReplica = (name: string): boolean => replicaNames.some((replica) => replica === name);
  if (!backfill || sinks.every(isReplica)) return undefined;
  return `--backfill fills replicas; expected some of ${sinksWithBackfill} in --sinks`;
};

const checked = ({ outage, backfill, keep, help, ...values }: ParsedValues): Options | string => {
  const named = values.sinks ?? sinksByDefault({ outage, backfill });
  const sinks = [...new Set(named.split(",").map((name) => name.trim()))];
  const problem = problemOf(sinks, { outage, backfill });
  if (problem !== undefined) return problem;
  if (values.svg !== undefined && !outage) return "--svg is for the chart of an outage; expected --outage";
  const replicas = replicaNames.filter((name) => sinks.includes(name));
  const feeds = feedNames.filter((name) => sinks.includes(name));
  const [writes, seed] = [Number(values.writes ?? writesByDefault(outage, feeds)), Number(values.seed)];
  if (!Number.isSafeInteger(writes) || writes < 1) return "--writes expects a whole number above 0";
  const items = Number(values.items ?? defaultItems);
  if (!Number.isSafeInteger(items) || items < 100) return "--items expects a whole number of 100 or more";
  if (!Number.isSafeInteger(seed)) return "--seed expects a whole number";
  const { svg } = values;
  return { sinks: sinks.filter(isSinkName), replicas, feeds, outage, backfill, svg, items, keep, help, writes, seed };
};

/** Returns the options, or an error message. */
export const parseOptions = (args: string[]): Options | string => {
  try {
    const { values } = parseArgs({
      args,
      options: {
        sinks: { type: "string" },
        outage: { type: "boolean", default: false },
        backfill: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        svg: { type: "string" },
        writes: { type: "string" },
        items: { type: "string" },
        seed: { type: "string", default: String(Date.now() % 1_000_000) },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return checked(values);
  } catch (error) {
    return (error as Error).message;
  }
};
