// The doctor of a pipeline without a function: it judges the targets, and nothing else.

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type Bench, never, openBench } from "./place.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true }),
);

describeWithEngines("the doctor without a function", (engines) => {
  const benches: Bench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });
  const open = async (changes: Parameters<typeof openBench>[1] = {}): Promise<Bench> => {
    const bench = await openBench(engines, changes);
    benches.push(bench);
    return bench;
  };

  test("finds a target without a table, and one without TTL; and lists what it checked", async () => {
    const { actions, world } = await open();
    const view = await actions.doctor(never);
    expect(view).toMatchObject({
      at: expect.stringMatching(/^20.*Z$/),
      subject: "the targets of orders",
      counts: { fail: 1, warn: 0, unknown: 0 },
      findings: [{ code: "TTL_MISSING", area: "tombstones", level: "fail", resource: world.replica }],
    });
    expect(view.checked).toEqual(
      expect.arrayContaining([
        "TARGET_INCOMPLETE",
        "TARGET_LOOP",
        "OLD_IMAGE_MISSING",
        "SOURCE_DIFFERS",
        "TTL_MISSING",
      ]),
    );
    expect(view.checked).not.toContain("MAPPING_MISSING");
    await world.pool.query("ALTER TABLE orders RENAME TO away");
    const broken = await actions.doctor(never);
    expect(broken.findings.map(({ code, resource }) => [code, resource])).toContainEqual([
      "TARGET_CONTRADICTS",
      "postgres",
    ]);
  });

  test("tells a table that it cannot describe, and judges the targets all the same", async () => {
    const { actions } = await open({ table: "absent" });
    const view = await actions.doctor(never);
    expect(view.findings.map(({ code, level }) => [code, level])).toEqual([
      ["TTL_MISSING", "fail"],
      ["NOT_ANSWERED", "unknown"],
    ]);
  });

  test("an abort ends it at once, and without a module it says what is missing", async () => {
    const { actions } = await open();
    await expect(actions.doctor(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    const empty = await open({ module: undefined });
    await expect(empty.actions.doctor(never)).rejects.toMatchObject({ code: "MODULE_MISSING" });
  });
});
