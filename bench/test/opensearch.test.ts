// Tests the output of the suites opensearch and fan-out. No test checks how long something takes.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { bench } from "../src/command.ts";

const wanted = { postgres: true, opensearch: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

describeWithEngines("the suites with OpenSearch", ({ postgres, opensearch }: Engines<typeof wanted>) => {
  const given = { DATABASE_URL: process.env.DATABASE_URL, OPENSEARCH_URL: process.env.OPENSEARCH_URL };

  beforeAll(() => {
    Object.assign(process.env, { DATABASE_URL: postgres.url, OPENSEARCH_URL: opensearch.url });
  });

  afterAll(() => {
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const figuresOf = async (suite: string): Promise<readonly string[]> => {
    const quick = ["--rounds", "1", "--batch", "20", "--batches", "2"];
    const figures = await bench([suite, ...quick], () => undefined);
    for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
    return Object.keys(figures);
  };

  test("opensearch has its figures for every mix, and all contenders leave the same documents", async () => {
    const each = ["cold/vs-raw", "vs-raw", "vs-helpers-bulk", "vs-dynamodb-stream-elasticsearch", "records-per-second"];
    expect(await figuresOf("opensearch")).toEqual(
      ["insert", "update", "redelivered", "mixed"].flatMap((mix) => each.map((one) => `opensearch/${mix}/${one}`)),
    );
  });

  test("fan-out has its figures, and both targets hold all items", async () => {
    expect(await figuresOf("fan-out")).toEqual(["fan-out/vs-slowest", "fan-out/far/vs-slowest"]);
  });
});
