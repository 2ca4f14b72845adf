// Each alarm of the list is made to fire and to clear by a scripted failure, and no other alarm fires by it.

import { describe, expect, test } from "@jest/globals";
import { pipelineAlarms } from "@sluice/rules";
import { failures } from "./failures.ts";
import { startPlay } from "./play.ts";

test("each alarm of the list has a failure", () => {
  expect(failures.map(({ id }) => id)).toEqual(pipelineAlarms.map(({ id }) => id));
});

describe.each(failures)("$id", ({ id, fires, options, happen, mend, clearAfter }) => {
  test("fires by its failure, and clears after the mend", async () => {
    const play = await startPlay(options);
    await play.minutes(20);
    expect(play.alarms.fired()).toEqual([]);
    await happen(play);
    expect(play.alarms.on()).toEqual(play.alarms.fired());
    await mend(play);
    await play.minutes(clearAfter);
    expect(new Set(play.alarms.fired())).toEqual(new Set(fires));
    expect(fires.some((name) => name.split("/")[0] === id)).toBe(true);
    expect(play.alarms.on()).toEqual([]);
    await play.world.stop();
  });
});
