// Each alarm of the list is made to fire and to clear by a scripted failure, and no other alarm fires by it.

import { afterEach, describe, expect, test } from "@jest/globals";
import { pipelineAlarms } from "@sluice/rules";
import { failures, idleFailures } from "./failures.ts";
import { type Play, startPlay } from "./play.ts";

test("each alarm of the list has a failure", () => {
  expect(failures.map(({ id }) => id)).toEqual(pipelineAlarms.map(({ id }) => id));
});

describe.each([...failures, ...idleFailures])("$id", ({ id, what, fires, options, happen, mend, clearAfter }) => {
  let play: Play | undefined;
  afterEach(() => play?.world.stop());

  test(`${what}: it fires and clears`, async () => {
    play = await startPlay(options);
    const { world, alarms, deployed, minutes } = play;
    await minutes(20);
    expect(alarms.fired()).toEqual([]);
    await happen(play);
    expect(alarms.on()).toEqual(fires);
    expect(fires.some((name) => name === id || name.startsWith(`${id}-`))).toBe(true);
    await mend(world);
    await minutes(clearAfter);
    expect(alarms.fired()).toEqual(fires);
    expect(alarms.on()).toEqual([]);
    expect(deployed.fired()).toEqual(fires);
    expect(deployed.on()).toEqual([]);
  });
});
