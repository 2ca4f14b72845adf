// Names of functions and their ARNs: `orders`, `orders:live`, `arn:aws:lambda:eu-central-1:123456789012:function:orders:live`.

const partsBeforeName = 6;

const partsOf = (name: string): readonly string[] => {
  const parts = name.split(":");
  return parts[0] === "arn" ? parts.slice(partsBeforeName) : parts;
};

/** The function's name, with its alias or version. */
export const nameOf = (name: string): string => partsOf(name).join(":");

/** The function's alias or version; undefined for `$LATEST`. */
export const qualifierOf = (name: string): string | undefined => partsOf(name)[1];

/** The function's name or ARN without alias or version. */
export const unqualified = (name: string): string => {
  const qualifier = qualifierOf(name);
  return qualifier === undefined ? name : name.slice(0, -qualifier.length - 1);
};
