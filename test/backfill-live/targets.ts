// The replicas, and the pipeline that feeds them: four targets and five routes. Two routes share a target.

import { type DeadLetterQueue, type Pipeline, type PipelineOptions, pipeline } from "@sluice/core";
import type { Image, Sink } from "@sluice/core/sink-kit";
import type { AwsClientConfig } from "@sluice/local";
import type { SpecimenItem } from "@sluice/testing";
import { openDynamodb } from "../convergence/dynamodb-target.ts";
import { openOpensearch } from "../convergence/opensearch-target.ts";
import { openPostgres } from "../convergence/postgres-target.ts";
import type { Target } from "../convergence/target.ts";
import { isEvent, isOrder, isPicked, isShown, schema } from "./items.ts";

/** Where the replicas are. Plain JSON, for other processes. */
export interface Places {
  /** URL of the database with the guard `version-table`, and of the one with the guard `inline`. */
  readonly rows: string;
  readonly inline: string;
  /** URL of OpenSearch, and the index. */
  readonly opensearch: string;
  readonly index: string;
  readonly dynamodb: AwsClientConfig;
  readonly replica: string;
}

export const targetNames = ["rows", "inline", "documents", "items"] as const;

export type TargetName = (typeof targetNames)[number];

/** A replica: the target of the convergence suite, and which items it shows. */
export interface Replica {
  readonly target: Target<never>;
  readonly isShown: (image: Image) => boolean;
}

export type Replicas = Readonly<Record<TargetName, Replica>>;

/** Opens all replicas. Creates what does not exist, except the DynamoDB table. */
export const openReplicas = async (places: Places): Promise<Replicas> => {
  const [rows, inline, documents, items] = await Promise.all([
    openPostgres(places.rows, "version-table"),
    openPostgres(places.inline, "inline"),
    openOpensearch(places.opensearch, {}, places.index),
    openDynamodb({ clientConfig: places.dynamodb }, {}, places.replica),
  ]);
  return {
    rows: { target: rows, isShown: isShown.whole },
    inline: { target: inline, isShown: isShown.picked },
    documents: { target: documents as unknown as Target<never>, isShown: isShown.whole },
    items: { target: items as unknown as Target<never>, isShown: isShown.whole },
  };
};

export type AnySink = Sink<never, "upsert">;

export type WrapSink = (sink: AnySink, target: TargetName) => AnySink;

type Options = Omit<PipelineOptions<SpecimenItem>, "deadLetterQueue" | "schema" | "onMismatch" | "onReject">;

const silent = { info: () => undefined, warn: () => undefined };

/** The routes of each target. */
export const routesOf: Readonly<Record<TargetName, readonly string[]>> = {
  rows: ["orders", "events"],
  inline: ["inline"],
  documents: ["documents"],
  items: ["items"],
};

export const pipelineName = "live";

/** Creates the pipeline. Every process that writes the replicas creates the same one. */
export const pipelineOf = (
  replicas: Replicas,
  wrap: WrapSink,
  deadLetterQueue: DeadLetterQueue,
  options: Options = {},
): Pipeline<SpecimenItem> => {
  const variantOf = (name: TargetName) => replicas[name].target.variants.at(-1) as Target<never>["variants"][0];
  const sinks = Object.fromEntries(
    targetNames.map((name) => [name, wrap(variantOf(name).sink as AnySink, name)]),
  ) as Record<TargetName, AnySink>;
  const argumentsOf = (target: TargetName, name: string): readonly unknown[] => {
    const { map } = variantOf(target);
    return [sinks[target], ...(map === undefined ? [] : [map]), { name }];
  };
  const ignoring = { schema, onMismatch: "ignore", logger: silent, deadLetterQueue } as const;
  const isAny = (): boolean => true;
  return (pipeline<SpecimenItem>(pipelineName, { ...ignoring, ...options }) as unknown as UntypedPipeline)
    .when(isOrder)
    .to(...argumentsOf("rows", "orders"))
    .when(isEvent)
    .to(...argumentsOf("rows", "events"))
    .when(isPicked)
    .to(...argumentsOf("inline", "inline"))
    .when(isAny)
    .to(...argumentsOf("documents", "documents"))
    .to(...argumentsOf("items", "items")) as unknown as Pipeline<SpecimenItem>;
};

/** A pipeline to which routes are added without the types of their messages. */
interface UntypedPipeline {
  readonly when: (predicate: (item: SpecimenItem) => boolean) => UntypedPipeline;
  readonly to: (...args: readonly unknown[]) => UntypedPipeline;
}

/** An item whose copy in a replica is wrong. */
export interface Divergence {
  readonly target: TargetName;
  readonly item: string;
  readonly found: unknown;
  readonly expected: unknown;
}

/** Compares every replica with the items of the table, value by value. */
export const divergencesOf = async (
  replicas: Replicas,
  items: ReadonlyMap<string, Image>,
): Promise<readonly Divergence[]> => {
  const all = await Promise.all(
    targetNames.map(async (name) => {
      const { target, isShown } = replicas[name];
      const copies = await target.readAll();
      const shown = [...items].filter(([, image]) => isShown(image));
      const expected = new Map(shown.map(([pk, image]) => [pk, target.copyOf(image)]));
      return [...new Set([...expected.keys(), ...copies.keys()])]
        .map((item) => ({ target: name, item, found: copies.get(item), expected: expected.get(item) }))
        .filter((pair) => JSON.stringify(pair.found) !== JSON.stringify(pair.expected));
    }),
  );
  return all.flat();
};
