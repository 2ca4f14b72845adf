// A store of metrics as CloudWatch keeps them: sums, maxima and counts by minute.

/** A metric: its namespace, its name, and the dimensions that name the resource. */
export interface MetricName {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions?: Readonly<Record<string, string>>;
}

export type Statistic = "Sum" | "Maximum" | "SampleCount";

/** The values of one minute. */
type Minute = Record<Statistic, number>;

export interface Metrics {
  /** Adds a value at a time in milliseconds since the epoch. Default: now. */
  readonly put: (name: MetricName, value: number, atMs?: number) => void;
  /** The statistic of a period from `fromMs` (inclusive) to `toMs` (exclusive). Undefined if the period has no value. */
  readonly statistic: (name: MetricName, statistic: Statistic, fromMs: number, toMs: number) => number | undefined;
}

const minuteMs = 60_000;

const keyOf = ({ namespace, metric, dimensions = {} }: MetricName): string => {
  const sorted = Object.keys(dimensions).sort();
  return sorted.reduce((key, name) => `${key}|${name}=${dimensions[name]}`, `${namespace}|${metric}`);
};

const addTo = (minutes: Map<number, Minute>, index: number, value: number): void => {
  const minute = minutes.get(index);
  if (minute === undefined) {
    minutes.set(index, { Sum: value, Maximum: value, SampleCount: 1 });
    return;
  }
  minute.Sum += value;
  minute.Maximum = Math.max(minute.Maximum, value);
  minute.SampleCount += 1;
};

/** Statistics of a period from those of its minutes. */
const combine: Readonly<Record<Statistic, (before: number, minute: Minute) => number>> = {
  Sum: (before, { Sum }) => before + Sum,
  SampleCount: (before, { SampleCount }) => before + SampleCount,
  Maximum: (before, { Maximum }) => Math.max(before, Maximum),
};

/** Creates an empty store. */
export const metricStore = (now: () => number): Metrics => {
  const metrics = new Map<string, Map<number, Minute>>();
  return {
    put: (name, value, atMs = now()) => {
      const key = keyOf(name);
      const minutes = metrics.get(key) ?? new Map<number, Minute>();
      metrics.set(key, minutes);
      addTo(minutes, Math.floor(atMs / minuteMs), value);
    },
    statistic: (name, statistic, fromMs, toMs) => {
      const minutes = metrics.get(keyOf(name));
      if (minutes === undefined) return undefined;
      let found: number | undefined;
      for (let index = Math.floor(fromMs / minuteMs); index * minuteMs < toMs; index += 1) {
        const minute = minutes.get(index);
        if (minute !== undefined) found = found === undefined ? minute[statistic] : combine[statistic](found, minute);
      }
      return found;
    },
  };
};
