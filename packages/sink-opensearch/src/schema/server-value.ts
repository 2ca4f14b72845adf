// Values of settings and mappings: OpenSearch returns them in another form than they were sent.

import { isRecord } from "@sluice/core/sink-kit";

/** Returns JSON text that does not depend on the order of members, because OpenSearch changes the order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    isRecord(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  ) ?? "";

/** Returns the value as text. OpenSearch returns `true` for `"true"`, `100.0` for `100` and `["a"]` for `"a"`. */
export const valueText = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(valueText).join(",");
  if (isRecord(value)) {
    return canonical(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, valueText(member)])));
  }
  const text = String(value);
  return text.trim() !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : text;
};

/** Whether a value that the options declare is the value that OpenSearch returns. */
export const isSame = (one: unknown, other: unknown): boolean => valueText(one) === valueText(other);

/** Returns the value for a message. */
export const shown = (value: unknown): string => (value === undefined ? "not set" : valueText(value));
