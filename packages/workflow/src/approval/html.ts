// HTML text. Values are escaped, unless they are HTML already.

const html: unique symbol = Symbol("html");

/** HTML that `markup` has created. */
export interface Html {
  readonly [html]: string;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] as string);

const isHtml = (value: object): value is Html => html in value;

const textOf = (value: string | number | Html): string =>
  typeof value === "object" && isHtml(value) ? value[html] : escaped(String(value));

/** Creates HTML from a template, and escapes every value. */
export const markup = (texts: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html => ({
  [html]: texts.map((text, index) => (index === 0 ? text : textOf(values[index - 1] as string) + text)).join(""),
});

/** Returns HTML as text. */
export const htmlText = (value: Html): string => value[html];
