// Plays minutes of the fake world: writes items, lets time pass, and evaluates the alarms.

import { type AlarmWatch, alarmWatch } from "./alarms.ts";
import { deployedAlarms } from "./deployed-alarms.ts";
import { listedAlarms } from "./listed-alarms.ts";
import { routes, startWorld, type World, type WorldOptions } from "./world.ts";

export interface Play {
  readonly world: World;
  /** The alarms of the list. */
  readonly alarms: AlarmWatch;
  /** The alarms of the template that `@sluice/cdk` synthesises. */
  readonly deployed: AlarmWatch;
  /** All that are evaluated each minute. */
  readonly watches: AlarmWatch[];
  /** Plays this many minutes. `load` runs at the start of each. Default load: two items. */
  readonly minutes: (count: number, load?: (minute: number) => Promise<void> | void) => Promise<void>;
  /** Plays days without writes. The alarms are evaluated every quarter of an hour. */
  readonly idleDays: (count: number) => Promise<void>;
}

const minuteMs = 60_000;

const [ofList, ofTemplate] = [listedAlarms(routes), deployedAlarms(routes)];

/** Starts a world and its alarms. */
export const startPlay = async (options?: WorldOptions): Promise<Play> => {
  const world = await startWorld(options);
  const { clock } = world;
  const [alarms, deployed] = [ofList, ofTemplate].map((all) => alarmWatch(all, world.metrics)) as [
    AlarmWatch,
    AlarmWatch,
  ];
  const watches = [alarms, deployed];
  let minute = 0;
  const usualLoad = (): void => {
    for (const item of [0, 1]) world.put(`item-${(minute + item) % 10}`);
  };
  const passMinutes = async (count: number): Promise<void> => {
    const endsAt = (Math.floor(clock.now() / minuteMs) + count) * minuteMs;
    await clock.sleep(endsAt - clock.now());
    world.measure(endsAt - 1);
    for (const watch of watches) watch.evaluate(endsAt);
    minute += count;
  };
  return {
    world,
    alarms,
    deployed,
    watches,
    minutes: async (count, load = usualLoad) => {
      for (let played = 0; played < count; played += 1) {
        await load(minute);
        await passMinutes(1);
      }
    },
    idleDays: async (count) => {
      for (let quarter = 0; quarter < count * 96; quarter += 1) await passMinutes(15);
    },
  };
};
