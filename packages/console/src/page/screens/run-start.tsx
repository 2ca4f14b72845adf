// The forms that start runs.

import { useState } from "preact/hooks";
import type { About } from "../../api/about.ts";
import type { RunKind, RunView } from "../../api/runs.ts";
import { post } from "../client.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ErrorNotice } from "../parts/notice.tsx";
import { go } from "../router.ts";
import { asksFirst, emptyForm, kindTexts, kindWords, type RunForm, readForm, writingText } from "./run-form.ts";

interface FieldsProps {
  readonly about: About;
  readonly form: RunForm;
  readonly onChange: (change: Partial<RunForm>) => void;
}

interface TickProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

const Tick = ({ label, isOn, onChange }: TickProps) => (
  <label class="tick-field">
    <input type="checkbox" class="check" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
    {label}
  </label>
);

const PipelineField = ({ about, form, onChange }: FieldsProps) =>
  about.pipelines.length < 2 ? null : (
    <label class="field">
      <span class="field-label">Pipeline</span>
      <select
        class="input"
        value={form.pipeline}
        onChange={(event) => onChange(emptyForm(form.kind, about, event.currentTarget.value))}
      >
        {about.pipelines.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );

const RouteFields = ({ about, form, onChange }: FieldsProps) => {
  const routes = about.pipelines.find(({ name }) => name === form.pipeline)?.routes ?? [];
  const usable = form.kind === "verify" ? routes.filter(({ isReadable }) => isReadable) : routes;
  const toggle = (name: string, isOn: boolean): void =>
    onChange({ routes: isOn ? [...form.routes, name] : form.routes.filter((one) => one !== name) });
  return (
    <fieldset class="fields">
      <legend class="field-label">Routes (none chosen: all)</legend>
      {usable.map(({ name }) => (
        <Tick key={name} label={name} isOn={form.routes.includes(name)} onChange={(isOn) => toggle(name, isOn)} />
      ))}
      {form.kind === "verify" && usable.length < routes.length && (
        <p class="muted">Targets of the other routes cannot be read, so they cannot be compared.</p>
      )}
    </fieldset>
  );
};

const QueueField = ({ about, form, onChange }: FieldsProps) => {
  const queues = about.queues.filter(({ kind, pipeline }) => kind === "dead letters" && pipeline === form.pipeline);
  if (queues.length === 0)
    return <p class="muted">This pipeline has no dead-letter queue, so there is nothing to redrive.</p>;
  return (
    <label class="field">
      <span class="field-label">Queue</span>
      <select
        class="input"
        value={form.queueUrl}
        onChange={(event) => onChange({ queueUrl: event.currentTarget.value })}
      >
        {queues.map(({ name, url }) => (
          <option key={url} value={url}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
};

const RateField = ({ form, onChange }: Omit<FieldsProps, "about">) => (
  <label class="field">
    <span class="field-label">Items a second, at most (empty: no limit)</span>
    <input
      class="input"
      inputMode="numeric"
      autocomplete="off"
      placeholder="no limit"
      value={form.itemsPerSecond}
      onInput={(event) => onChange({ itemsPerSecond: event.currentTarget.value })}
    />
  </label>
);

const SampleField = ({ form, onChange }: Omit<FieldsProps, "about">) => (
  <label class="field">
    <span class="field-label">Part of the items, in per cent</span>
    <input
      class="input"
      inputMode="decimal"
      autocomplete="off"
      value={form.sample}
      onInput={(event) => onChange({ sample: event.currentTarget.value })}
    />
  </label>
);

const Fields = (props: FieldsProps) => {
  const { form, onChange } = props;
  return (
    <>
      <PipelineField {...props} />
      {form.kind === "redrive" ? <QueueField {...props} /> : <RouteFields {...props} />}
      {form.kind === "backfill" && <RateField form={form} onChange={onChange} />}
      {form.kind === "verify" && <SampleField form={form} onChange={onChange} />}
      {form.kind === "verify" ? (
        <Tick
          label="Repair: write copies that differ again"
          isOn={form.repairs}
          onChange={(repairs) => onChange({ repairs })}
        />
      ) : (
        <Tick label="Dry run: write nothing" isOn={form.isDryRun} onChange={(isDryRun) => onChange({ isDryRun })} />
      )}
    </>
  );
};

interface ConfirmProps {
  readonly about: About;
  readonly form: RunForm;
  readonly isBusy: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

const Confirm = ({ about, form, isBusy, onConfirm, onClose }: ConfirmProps) => (
  <Dialog title={`${kindWords[form.kind]} in ${about.title}?`} onClose={onClose}>
    <div class="stack">
      <p>{writingText(form, about)}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button button-main" disabled={isBusy} onClick={onConfirm}>
          {kindWords[form.kind]} with {about.title}
        </button>
      </div>
    </div>
  </Dialog>
);

/** Starts a run, and goes to it. */
const useStart = (form: RunForm) => {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const { input } = readForm(form);
  const start = async (): Promise<void> => {
    if (input === undefined || isBusy) return;
    setBusy(true);
    setError(undefined);
    try {
      const run = await post<RunView>("/api/runs", input);
      go("/runs", { id: run.id });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return { error, isBusy, start };
};

/** The form of one kind of run. */
export const StartForm = ({ about, kind }: { readonly about: About; readonly kind: RunKind }) => {
  const [form, setForm] = useState(() => emptyForm(kind, about));
  const [isTried, setTried] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const { error, isBusy, start } = useStart(form);
  const { problem } = readForm(form);
  return (
    <form
      class="stack-small run-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (problem !== undefined) return;
        if (asksFirst(form, about)) setAsking(true);
        else void start();
      }}
    >
      <p>{kindTexts[kind]}</p>
      <Fields about={about} form={form} onChange={(change) => setForm({ ...form, ...change })} />
      {isTried && problem !== undefined && (
        <p class="field-problem" role="alert">
          {problem}
        </p>
      )}
      {error !== undefined && <ErrorNotice title="The run did not start" error={error} />}
      <div>
        <button type="submit" class="button button-main" disabled={isBusy}>
          {isBusy ? "Starting…" : `Start the ${kind}${form.isDryRun && kind !== "verify" ? " as a dry run" : ""}`}
        </button>
      </div>
      {isAsking && (
        <Confirm
          about={about}
          form={form}
          isBusy={isBusy}
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            void start();
          }}
        />
      )}
    </form>
  );
};
