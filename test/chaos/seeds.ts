// The seeds of the chaos tests: a new seed each time, or the seeds of `npm run test:long -- --chaos N [--seed S]`.

const whole = (name: string, fallback: number): number => {
  const number = Number(process.env[name] ?? fallback);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name} is ${process.env[name]}; expected a whole number`);
};

const first = whole("CHAOS_SEED", Date.now() % 1_000_000_000);

/** One seed for each run. */
export const seeds: readonly number[] = Array.from({ length: whole("CHAOS_RUNS", 1) }, (_, index) => first + index);
