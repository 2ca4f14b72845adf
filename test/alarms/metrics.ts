// A store of metrics as CloudWatch keeps them: sums, maxima and counts by minute.

/** A metric: its namespace, its name, and the dimensions that name the resource. */
export interface MetricName {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions?: Readonly<Record<string, string>>;
}

export type Statistic = "Sum" | "Maximum" | "Minimum" | "SampleCount" | "Average";

/** The values of one minute. */
interface Minute {
  Sum: number;
  Maximum: number;
  Minimum: number;
  SampleCount: number;
}

export interface Metrics {
  /** Adds a value at a time in milliseconds since the epoch. Default: now. */
  readonly put: (name: MetricName, value: number, atMs?: number) => void;
  /** The statistic of a period from `fromMs` (inclusive) to `toMs` (exclusive). Undefined if the period has no value. */
  readonly statistic: (name: MetricName, statistic: Statistic, fromMs: number, toMs: number) => number | undefined;
}

const minuteMs = 60_000;

/** An alarm asks for the same metric each minute. */
const keys = new WeakMap<MetricName, string>();

const keyOf = (name: MetricName): string => {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const dimensions = Object.entries(name.dimensions ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  const key = JSON.stringify([name.namespace, name.metric, dimensions]);
  keys.set(name, key);
  return key;
};

const withValue = (minute: Minute | undefined, value: number): Minute => ({
  Sum: (minute?.Sum ?? 0) + value,
  Maximum: Math.max(minute?.Maximum ?? value, value),
  Minimum: Math.min(minute?.Minimum ?? value, value),
  SampleCount: (minute?.SampleCount ?? 0) + 1,
});

const together = (one: Minute, other: Minute): Minute => ({
  Sum: one.Sum + other.Sum,
  Maximum: Math.max(one.Maximum, other.Maximum),
  Minimum: Math.min(one.Minimum, other.Minimum),
  SampleCount: one.SampleCount + other.SampleCount,
});

/** Creates an empty store. */
export const metricStore = (now: () => number): Metrics => {
  const metrics = new Map<string, Map<number, Minute>>();
  return {
    put: (name, value, atMs = now()) => {
      const key = keyOf(name);
      const minutes = metrics.get(key) ?? new Map<number, Minute>();
      metrics.set(key, minutes);
      const index = Math.floor(atMs / minuteMs);
      minutes.set(index, withValue(minutes.get(index), value));
    },
    statistic: (name, statistic, fromMs, toMs) => {
      const minutes = metrics.get(keyOf(name));
      if (minutes === undefined) return undefined;
      let period: Minute | undefined;
      for (let index = Math.floor(fromMs / minuteMs); index * minuteMs < toMs; index += 1) {
        const minute = minutes.get(index);
        if (minute !== undefined) period = period === undefined ? minute : together(period, minute);
      }
      if (period === undefined) return undefined;
      return statistic === "Average" ? period.Sum / period.SampleCount : period[statistic];
    },
  };
};
