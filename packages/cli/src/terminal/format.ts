// Numbers and times for people.

/** A number: `3,201`. */
export const withSeparators = (value: number): string => Math.round(value).toLocaleString("en");

/** A number of things: `1 message`, `3,201 messages`. */
export const counted = (value: number, one: string, several: string = `${one}s`): string =>
  `${withSeparators(value)} ${value === 1 ? one : several}`;

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** How long ago a time is, in its largest unit: `3d`. `?` where the text is no time. */
export const ageText = (time: string, now: number): string => {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms)) return "?";
  const [unit, size] = units.find(([, size]) => ms >= size) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
};
