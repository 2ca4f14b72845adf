// Builds HTML. Texts and numbers are escaped. Values of the class `Html` are not.

/** HTML that `markup` has created. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const textOf = (value: string | number | Html = ""): string =>
  value instanceof Html ? value.text : String(value).replace(/[&<>"']/g, (character) => entities[character] ?? "");

/** Tag of a template literal that creates HTML. Escapes every value that is not `Html`. */
export const markup = (texts: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html =>
  new Html(texts.map((text, index) => text + textOf(values[index])).join(""));
