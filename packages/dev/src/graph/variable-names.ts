// Finds the names of environment variables in source code.

const access = /process\.env(?:\.|\?\.)([A-Za-z_]\w*)|process\.env\[\s*["'`](\w+)["'`]\s*\]/g;
const destructured = /\{([^{}]*)\}\s*=\s*process\.env\b/g;
const member = /(?:^|,)\s*([A-Za-z_]\w*)/g;
/** `required("SOURCE_TABLE")`: only where some file reads a variable whose name is computed. */
const argument = /\(\s*["'`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["'`]/g;
const computed = /process\.env\[\s*[A-Za-z_$]/;

const matches = (pattern: RegExp, text: string): string[] =>
  [...text.matchAll(pattern)].flatMap(([, ...groups]) => groups.filter((group) => group !== undefined));

/** Removes comments, and leaves texts that look like comments, such as URLs, alone as far as names are concerned. */
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/^\s*\/\/.*$/gm, " ");

const withDefault = /process\.env(?:\.|\?\.)([A-Za-z_]\w*)\s*(?:\?\?|\|\|)/g;

/** The environment variables that files name. */
export interface VariableNames {
  readonly read: ReadonlySet<string>;
  /** Those for which some file states a default: `process.env.X ?? "x"`. */
  readonly withDefault: ReadonlySet<string>;
}

/** The names of variables that the files of a module read, directly or by a function that takes the name. */
export const namesIn = (texts: readonly string[]): VariableNames => {
  const sources = texts.map(withoutComments);
  const direct = sources.flatMap((text) => [
    ...matches(access, text),
    ...matches(destructured, text).flatMap((list) => matches(member, list)),
  ]);
  const byFunction = sources.some((text) => computed.test(text))
    ? sources.flatMap((text) => matches(argument, text))
    : [];
  return {
    read: new Set([...direct, ...byFunction]),
    withDefault: new Set(sources.flatMap((text) => matches(withDefault, text))),
  };
};
