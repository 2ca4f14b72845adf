// The seeds of the live tests: one new seed, or the seeds that `npm run test:long -- --backfills N [--seed S]` selects.

const whole = (name: string, fallback: number): number => {
  const number = Number(process.env[name] ?? fallback);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name} is ${process.env[name]}; expected a whole number`);
};

const first = whole("BACKFILLS_SEED", Date.now() % 1_000_000_000);

/** The seeds. The live test runs once with each seed. */
export const seeds: readonly number[] = Array.from({ length: whole("BACKFILLS_RUNS", 1) }, (_, index) => first + index);
