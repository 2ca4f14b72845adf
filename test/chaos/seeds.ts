// The seeds of the chaos tests: one new seed, or the seeds that `npm run test:long -- --chaos N [--seed S]` selects.

const whole = (name: string, fallback: number): number => {
  const number = Number(process.env[name] ?? fallback);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name} is ${process.env[name]}; expected a whole number`);
};

const first = whole("CHAOS_SEED", Date.now() % 1_000_000_000);

/** The seeds. Each chaos test runs once with each seed. */
export const seeds: readonly number[] = Array.from({ length: whole("CHAOS_RUNS", 1) }, (_, index) => first + index);
