import { expect, test } from "@jest/globals";
import { startPlay } from "./play.ts";

test("a day", async () => {
  const play = await startPlay();
  const t = Date.now();
  await play.minutes(1440);
  console.log(
    Date.now() - t,
    play.world.mapping.counters,
    play.alarms.fired(),
    play.world.targets.search.versions.size,
  );
  await play.world.stop();
});
