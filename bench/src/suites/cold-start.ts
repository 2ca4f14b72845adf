// Compares the cold start of a pipeline with that of a bare handler with the same client. Each start is a process of its
// own. The contenders alternate, and a figure is a ratio of medians.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { streamEvent, streamRecord } from "@sluice/testing";
import { bundleOf, type SdkPlace } from "../cold-start/bundle.ts";
import { eighthOfCore } from "../cold-start/eighth.ts";
import { handlerPairs } from "../cold-start/handlers.ts";
import { startTargets } from "../cold-start/targets.ts";
import { table } from "../markdown.ts";
import { median, rounded } from "../statistics.ts";
import type { Figures, Suite, SuiteOptions, SuiteReport } from "../suite.ts";

/** Node cannot run the source of the program, so a test runs the compiled program, too. */
const program = fileURLToPath(new URL("../../dist/cold-start-child.js", import.meta.url));
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** The milliseconds of a cold start: to the handler, its import, the first invocation, and all together. */
interface ColdStart {
  readonly start: number;
  readonly import: number;
  readonly invocation: number;
  readonly total: number;
}

type Contender = "pipeline" | "bare";
const contenders: readonly Contender[] = ["pipeline", "bare"];
const sdkPlaces: readonly SdkPlace[] = ["bundled", "external"];

/**
 * How much of a core the process has. `small`: a full core until the handler is loaded, and an eighth of a core from then
 * on, as in a Lambda function of 221 MB. `eighth`: an eighth of a core from the beginning.
 */
type Speed = "full" | "small" | "eighth";

const startOnce = async (
  bundle: string,
  event: string,
  speed: Speed,
  group: string,
  env: NodeJS.ProcessEnv,
): Promise<ColdStart> => {
  const args = [program, bundle, event, speed === "small" ? group : ""];
  const [file, given] =
    speed === "eighth"
      ? ["sh", ["-c", 'echo $$ > "$0" && exec "$@"', group, process.execPath, ...args]]
      : [process.execPath, args];
  const { stdout } = await promisify(execFile)(file, given, { env });
  return JSON.parse(stdout) as ColdStart;
};

/** Writes the bundles of all contenders, and returns the path of each. */
const writeBundles = async (folder: string): Promise<(name: string, contender: Contender, sdk: SdkPlace) => string> => {
  const pathOf = (name: string, contender: Contender, sdk: SdkPlace): string =>
    join(folder, `${name}-${contender}-${sdk}.cjs`);
  mkdirSync(join(folder, "node_modules"));
  for (const scope of ["@aws-sdk", "@smithy"]) symlinkSync(join(modules, scope), join(folder, "node_modules", scope));
  for (const pair of handlerPairs) {
    for (const contender of contenders) {
      for (const sdk of sdkPlaces) {
        writeFileSync(pathOf(pair.name, contender, sdk), await bundleOf(pair[contender], sdk));
      }
    }
  }
  return pathOf;
};

const eventFile = (folder: string): string => {
  const path = join(folder, "event.json");
  const record = streamRecord({ tableName: "Orders", after: { pk: "o-1", title: "Metropolis" }, keyNames: ["pk"] });
  writeFileSync(path, JSON.stringify(streamEvent([record])));
  return path;
};

interface Comparison {
  readonly name: string;
  readonly sdk: SdkPlace;
  readonly speed: Speed;
  readonly medians: Readonly<Record<Contender, ColdStart>>;
}

const medianOf = (starts: readonly ColdStart[]): ColdStart => {
  const of = (part: keyof ColdStart): number => median(starts.map((start) => start[part]));
  return { start: of("start"), import: of("import"), invocation: of("invocation"), total: of("total") };
};

const figuresOf = (comparisons: readonly Comparison[]): Figures => {
  const ratio = ({ medians }: Comparison, part: keyof ColdStart): number =>
    rounded(medians.pipeline[part] / medians.bare[part]);
  const parts = ["start", "import", "total"] as const;
  return Object.fromEntries(
    comparisons.flatMap((comparison) => {
      const { name, sdk, speed } = comparison;
      const isHeadline = sdk === "bundled" && speed === "full";
      return [
        ...(isHeadline ? [[`cold-start/${name}/vs-bare`, ratio(comparison, "start")] as const] : []),
        ...parts.map(
          (part) => [`cold-start/${name}/${sdk}/${speed}/${part}/vs-bare`, ratio(comparison, part)] as const,
        ),
      ];
    }),
  );
};

const rowOf = ({ name, sdk, speed, medians: { pipeline, bare } }: Comparison) => [
  `${name}, SDK ${sdk}, ${speed}`,
  ...(["start", "import", "invocation", "total"] as const).map(
    (part) => `${pipeline[part].toFixed(0)} / ${bare[part].toFixed(0)}`,
  ),
];

/** Starts both contenders in turn, in an order that alternates. */
const compare = async (rounds: number, startOf: (contender: Contender) => Promise<ColdStart>) => {
  const starts: Record<Contender, ColdStart[]> = { pipeline: [], bare: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      starts[contender].push(await startOf(contender));
    }
  }
  return { pipeline: medianOf(starts.pipeline), bare: medianOf(starts.bare) };
};

const measure = async ({ rounds }: SuiteOptions, folder: string): Promise<SuiteReport> => {
  const group = eighthOfCore();
  const speeds: readonly Speed[] = group === undefined ? ["full"] : ["full", "small", "eighth"];
  const cases = handlerPairs.flatMap(({ name }) =>
    sdkPlaces.flatMap((sdk) => speeds.map((speed) => ({ name, sdk, speed }))),
  );
  const pathOf = await writeBundles(folder);
  const event = eventFile(folder);
  const targets = await startTargets();
  try {
    const env = { PATH: process.env.PATH, NODE_NO_WARNINGS: "1", ...targets.environment };
    const comparisons: Comparison[] = [];
    for (const { name, sdk, speed } of cases) {
      const medians = await compare(rounds, (contender) =>
        startOnce(pathOf(name, contender, sdk), event, speed, group ?? "", env),
      );
      comparisons.push({ name, sdk, speed, medians });
    }
    const figures = figuresOf(comparisons);
    return {
      figures,
      goals: Object.fromEntries(Object.keys(figures).map((name) => [name, { atMost: 1.2 }])),
      lines: [
        `Medians of ${rounds} fresh processes in milliseconds, pipeline / bare handler; ` +
          (group === undefined ? "no cgroup controller, so a full core only" : "an eighth of a core by cgroup"),
        "",
        ...table(["pipeline", "to the handler", "import", "first invocation", "to its end"], comparisons.map(rowOf)),
      ],
    };
  } finally {
    await targets.stop();
  }
};

/** The suite that measures cold starts. Its rounds are fresh processes; it has no batches. */
export const coldStartSuite: Suite = {
  name: "cold-start",
  isRunByNameOnly: true,
  run: async (options) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-cold-start-"));
    try {
      return await measure(options, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
