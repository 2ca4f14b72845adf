// Templates: texts with {{names}} for values. Values are escaped in HTML, so that a customer's name cannot be markup.

/** The parts of a mail that a template fills. */
export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const escaped = (value: string): string => value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

type TemplateValues = { readonly [name: string]: string | number };

const fill = (text: string, values: TemplateValues, write: (value: string) => string): string =>
  text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    // The error sends the change to the dead-letter queue. Otherwise the customer would get a mail with "Dear
    // undefined".
    if (value === undefined) throw new Error(`the template needs ${name}`);
    return write(String(value));
  });

/** Creates a function that fills the template with values. */
export const template =
  (parts: Rendered) =>
  (values: TemplateValues): Rendered => ({
    // A subject must be one line, so line breaks in values become spaces.
    subject: fill(parts.subject, values, (value) => value.replace(/\s+/g, " ")),
    text: fill(parts.text, values, (value) => value),
    html: fill(parts.html, values, escaped),
  });
