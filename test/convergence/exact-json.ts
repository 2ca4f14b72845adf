// Normalizes JSON without converting its numbers to JavaScript numbers, which could lose digits.

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const quoted = (text: string): string =>
  text.replace(token, (found) => (found.startsWith('"') ? found : `"#${found}"`));

const sortedMembers = (_name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** Returns the JSON with sorted members and without white space. Every digit of a number is kept. */
export const exactJson = (json: string): string => JSON.stringify(JSON.parse(quoted(json)), sortedMembers);
