// Templates: texts with {{names}}. In HTML a value is escaped, so that a customer's name cannot be markup.

/** The parts of a mail that a template makes. */
export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const escaped = (value: string): string => value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

type Values = { readonly [name: string]: string | number };

const fill = (text: string, values: Values, write: (value: string) => string): string =>
  text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    // It fails the mapping: the change goes to the dead-letter queue rather than to a customer as "Dear undefined".
    if (value === undefined) throw new Error(`the template needs ${name}`);
    return write(String(value));
  });

/** Makes mails of values. */
export const template =
  (parts: Rendered) =>
  (values: Values): Rendered => ({
    // A subject is one line, whatever stands in the values.
    subject: fill(parts.subject, values, (value) => value.replace(/\s+/g, " ")),
    text: fill(parts.text, values, (value) => value),
    html: fill(parts.html, values, escaped),
  });
