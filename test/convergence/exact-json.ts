// JSON compared without a JavaScript number in between.

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const quoted = (text: string): string =>
  text.replace(token, (found) => (found.startsWith('"') ? found : `"#${found}"`));

const sortedMembers = (_name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** The text with members in one order and white space gone; numbers keep their digits. */
export const exactJson = (json: string): string => JSON.stringify(JSON.parse(quoted(json)), sortedMembers);
