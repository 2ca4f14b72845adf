// Random histories of items that trade the attribute which is their key in the target: people and their seats. Two may
// be on one seat only while the one who came first is about to leave.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import { type DeliveryStep, tableHistory } from "@sluice/testing";

export interface SeatHistory {
  readonly records: readonly StreamRecord[];
  readonly deliveries: readonly DeliveryStep[];
  /** Who is on which seat in the end, with the revision of the item. */
  readonly expected: readonly { readonly seat: string; readonly person: string; readonly revision: number }[];
}

/** Numbers from 0 (inclusive) to the limit (exclusive), the same for the same seed: mulberry32. */
export const randomOf = (seed: number): ((limit: number) => number) => {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
};

type Random = ReturnType<typeof randomOf>;

export const shuffled = <Entry>(random: Random, entries: readonly Entry[]): Entry[] => {
  const all = [...entries];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    [all[last], all[other]] = [all[other] as Entry, all[last] as Entry];
  }
  return all;
};

/** Batches of one lane, each once at least: cut short by a crash, answered in vain, or beside a zombie. */
const stepsOf = (random: Random, batch: readonly StreamRecord[], past: readonly (readonly StreamRecord[])[]) => {
  const steps: DeliveryStep[] = [];
  if (random(5) === 0) steps.push({ kind: "crash", records: batch, written: random(batch.length + 1) });
  const zombies = random(3) === 0 ? [past[random(past.length)] ?? batch] : [];
  steps.push({ kind: "parallel", batches: shuffled(random, [batch, ...zombies]) });
  return steps;
};

const deliveriesOf = (random: Random, records: readonly StreamRecord[]): DeliveryStep[] => {
  const lanes: StreamRecord[][] = [[], []];
  for (const record of records) {
    const { pk } = decodeRecord(record).keys;
    (lanes[Number(String(pk).at(-1)) % 2] as StreamRecord[]).push(record);
  }
  const steps: DeliveryStep[] = [];
  const past: (readonly StreamRecord[])[] = [];
  for (
    let left = lanes.filter((lane) => lane.length > 0);
    left.length > 0;
    left = left.filter((lane) => lane.length > 0)
  ) {
    const lane = left[random(left.length)] as StreamRecord[];
    const batch = lane.splice(0, 1 + random(4));
    steps.push(...stepsOf(random, batch, past));
    past.push(batch);
  }
  const late = Array.from({ length: 3 }, () => records[random(records.length)] as StreamRecord);
  return [...steps, ...late.map((record): DeliveryStep => ({ kind: "redrive", record }))];
};

/** A history of four people and five seats: they sit down, stand up, move, swap seats and rotate. */
export const seatHistory = (seed: number, prefix: string): SeatHistory => {
  const random = randomOf(seed);
  const table = tableHistory({ tableName: `Seats-${prefix}`, keyNames: ["pk"] });
  const seats = new Map<string, number>();
  const revisions = new Map<string, number>();
  let revision = 0;

  const sit = (person: string, seat: number): void => {
    revision += 1;
    table.put({ pk: person, seat: `${prefix}-${seat}`, revision });
    seats.set(person, seat);
    revisions.set(person, revision);
  };
  const free = (): number[] => [0, 1, 2, 3, 4].filter((seat) => ![...seats.values()].includes(seat));
  const rotate = (people: readonly string[]): void => {
    const wanted = people.map((person) => seats.get(person) as number);
    for (const [index, person] of people.entries()) sit(person, wanted[(index + 1) % wanted.length] as number);
  };

  const step = (): void => {
    const person = `${prefix}-p${random(4)}`;
    const others = shuffled(
      random,
      [...seats.keys()].filter((other) => other !== person),
    );
    const roll = random(10);
    if (!seats.has(person)) sit(person, free()[random(free().length)] as number);
    else if (roll < 2) {
      table.remove({ pk: person });
      seats.delete(person);
    } else if (roll < 5) sit(person, free()[random(free().length)] as number);
    else if (roll < 6) sit(person, seats.get(person) as number);
    else if (others.length > 0) rotate([person, ...others.slice(0, 1 + random(others.length))]);
  };
  for (let count = 0; count < 10; count += 1) step();

  const expected = [...seats].map(([person, seat]) => ({
    seat: `${prefix}-${seat}`,
    person,
    revision: revisions.get(person) as number,
  }));
  return { records: table.records(), deliveries: deliveriesOf(random, table.records()), expected };
};
