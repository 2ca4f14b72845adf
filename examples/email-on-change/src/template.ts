// Templates: texts with {{names}} for values. In HTML, values are escaped, so that a customer's name cannot add markup.

/** The parts of a mail that come from a template. */
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
    // Without this error the customer would get a mail with "Dear undefined". The error sends the change to the
    // dead-letter queue.
    if (value === undefined) throw new Error(`the template needs ${name}`);
    return write(String(value));
  });

/** Creates a function that inserts values into the template. */
export const template =
  (parts: Rendered) =>
  (values: TemplateValues): Rendered => ({
    // A subject must be a single line, so line breaks in the values become spaces.
    subject: fill(parts.subject, values, (value) => value.replace(/\s+/g, " ")),
    text: fill(parts.text, values, (value) => value),
    html: fill(parts.html, values, escaped),
  });
