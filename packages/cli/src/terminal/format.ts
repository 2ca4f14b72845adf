// Formats numbers and times for people.

/** Formats a number: `3,201`. */
export const withSeparators = (value: number): string => Math.round(value).toLocaleString("en");

/** Formats a number with its noun: `1 message`, `3,201 messages`. */
export const counted = (value: number, one: string, several: string = `${one}s`): string =>
  `${withSeparators(value)} ${value === 1 ? one : several}`;

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** Formats how long ago a time was, in the largest fitting unit: `3d`. Returns `?` if the text is not a time. */
export const ageText = (time: string, now: number): string => {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms)) return "?";
  const [unit, size] = units.find(([, size]) => ms >= size) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
};

const durations = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** Formats a duration by its two largest units: `1 h 38 min`, `45 s`. */
export const durationText = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const first = durations.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0 s";
  let left = seconds;
  const parts: string[] = [];
  for (const [unit, size] of durations.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
};

/** Returns the first line of an error's message. */
export const messageOf = (error: unknown): string =>
  ((error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "").trim();
