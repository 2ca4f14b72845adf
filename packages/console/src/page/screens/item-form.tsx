// The form that names an item: a pipeline, and one field for each key attribute.

import type { Image } from "@sluice/core/sink-kit";
import type { TargetedEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { About, PipelineAbout } from "../../api/about.ts";
import { setQuery } from "../router.ts";
import { fieldProblem, fieldsOf, type KeyField, type KeyType, keyOf, keyTypes, keyTypeWords } from "./item-key.ts";

interface FieldProps {
  readonly field: KeyField;
  /** Whether the type is known from the table. */
  readonly isFixed: boolean;
  readonly isHidden: boolean;
  readonly problem: string | undefined;
  readonly onChange: (field: KeyField) => void;
}

const Field = ({ field, isFixed, isHidden, problem, onChange }: FieldProps) => {
  const { name, type, text } = field;
  const id = `key-${name}`;
  return (
    <div class="field item-field">
      <label class="field-label" for={id}>
        <span class="code">{name}</span> {isFixed && <span>({keyTypeWords[type]})</span>}
      </label>
      <div class="item-input">
        <input
          id={id}
          class="input"
          {...(isHidden ? { type: "password" as const } : { type: "text" as const })}
          autocomplete="off"
          spellcheck={false}
          data-filter
          inputMode={type === "N" ? "decimal" : "text"}
          value={text}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          onInput={(event) => onChange({ ...field, text: event.currentTarget.value })}
        />
        {!isFixed && (
          <select
            class="input item-type"
            aria-label={`Type of ${name}`}
            value={type}
            onChange={(event) => onChange({ ...field, type: event.currentTarget.value as KeyType })}
          >
            {keyTypes.map((one) => (
              <option key={one} value={one}>
                {keyTypeWords[one]}
              </option>
            ))}
          </select>
        )}
      </div>
      {problem !== undefined && (
        <span id={`${id}-problem`} class="field-problem">
          {problem}
        </span>
      )}
    </div>
  );
};

interface FormProps {
  readonly about: About;
  readonly pipeline: PipelineAbout;
  readonly keys: Image | undefined;
  /** Called if the form names the item that is shown. */
  readonly onSame: () => void;
}

const initialFields = ({ keyNames, keyTypes: types = {} }: PipelineAbout, keys: Image | undefined) =>
  fieldsOf(keyNames.length > 0 ? keyNames : Object.keys(keys ?? {}), types, keys);

const PipelineChoice = ({ about, pipeline }: Pick<FormProps, "about" | "pipeline">) => (
  <label class="field">
    <span class="field-label">Pipeline</span>
    <select class="input" value={pipeline.name} onChange={(event) => setQuery({ pipeline: event.currentTarget.value })}>
      {about.pipelines.map(({ name }) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  </label>
);

/** The form. It writes the key into the address. */
export const ItemForm = ({ about, pipeline, keys, onSame }: FormProps) => {
  const subject = JSON.stringify([pipeline.name, keys]);
  const [fields, setFields] = useState(() => initialFields(pipeline, keys));
  const [isTried, setTried] = useState(false);
  const [isShown, setShown] = useState(!about.hidesKeys);
  useEffect(() => {
    setFields(initialFields(pipeline, keys));
    setTried(false);
  }, [subject]);
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setTried(true);
    const wrong = fields.find((field) => fieldProblem(field) !== undefined);
    if (wrong !== undefined) {
      event.currentTarget.querySelector<HTMLElement>(`#${CSS.escape(`key-${wrong.name}`)}`)?.focus();
      return;
    }
    const wanted = JSON.stringify(keyOf(fields));
    if (wanted === JSON.stringify(keys)) onSame();
    else setQuery({ pipeline: pipeline.name, keys: wanted });
  };
  const change = (changed: KeyField): void =>
    setFields((before) => before.map((field) => (field.name === changed.name ? changed : field)));
  return (
    <form class="card card-body item-form" onSubmit={submit}>
      {about.pipelines.length > 1 && <PipelineChoice about={about} pipeline={pipeline} />}
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          isFixed={pipeline.keyTypes?.[field.name] !== undefined}
          isHidden={!isShown}
          problem={isTried ? fieldProblem(field) : undefined}
          onChange={change}
        />
      ))}
      <div class="item-form-actions">
        <button type="submit" class="button button-main">
          Look
        </button>
        {about.hidesKeys && (
          <button type="button" class="button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? "Hide the key" : "Show the key"}
          </button>
        )}
      </div>
    </form>
  );
};
