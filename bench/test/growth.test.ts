// Tests the output of the suites growth and latency. No test checks how long something takes.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startOpensearch, startPostgres } from "@sluice/local";
import { bench } from "../src/command.ts";
import { environmentLoads } from "../src/environment-growth.ts";

const runner = { describe, test, afterAll };
const describeWithPostgres = await engineOrSkip(runner, () => startPostgres());
const describeWithOpensearch = await engineOrSkip(runner, () => startOpensearch());
const describeWithDynamodb = await engineOrSkip(runner, () => startDynamodb());

const namesOf = async (suite: string): Promise<string[]> => {
  const figures = await bench([suite, "--quick"], () => undefined);
  for (const figure of Object.values(figures)) expect(Number.isFinite(figure)).toBe(true);
  return Object.keys(figures);
};

const mixes = ["insert", "update"];

const sizeNames = (target: string, names: readonly string[]): string[] =>
  names.flatMap((name) =>
    mixes.flatMap((mix) => {
      const figure = `growth/${target}/${name}/${mix}/1m-vs-10k`;
      return name.startsWith("raw") ? [figure] : [figure, `${figure}/vs-raw`];
    }),
  );

describeWithPostgres("with Postgres", () => {
  describeWithOpensearch("and OpenSearch", () => {
    test("growth has its figures", async () => {
      const loads = environmentLoads.map((load) => (load === "upsert" ? "core" : load));
      expect(await namesOf("growth")).toEqual([
        ...loads.flatMap((load) =>
          ["100k-vs-1k", "1m-vs-1k", "heap/1m-vs-100k"].map((figure) => `growth/${load}/${figure}`),
        ),
        ...sizeNames("postgres", ["inline", "version-table", "raw"]),
        ...sizeNames("opensearch", ["sluice", "cold", "raw", "raw-recent"]),
      ]);
    });
  });

  describeWithDynamodb("and DynamoDB Local", () => {
    test("latency has its figures, and every item becomes visible", async () => {
      expect(await namesOf("latency")).toEqual([
        "latency/poll-interval-ms",
        ...["memory", "postgres"].flatMap((target) => [
          ...[10, 100, 1_000].flatMap((rate) =>
            ["p50-ms", "p99-ms", "writes-per-second"].map((figure) => `latency/${target}/${rate}/${figure}`),
          ),
          ...["p50-ms", "p99-ms"].map((figure) => `latency/scripted/${target}/1000/${figure}`),
        ]),
      ]);
    });
  });
});
