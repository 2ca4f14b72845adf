// One dead letter: what it is, its values on a click, and the editor that publishes it again.

import { useState } from "preact/hooks";
import type { DeadLetterResult, DeadLetterRow, DeadLetterView } from "../../api/dead-letters.ts";
import { href } from "../address.ts";
import { post } from "../client.ts";
import { countText } from "../format.ts";
import { Ago } from "../parts/ago.tsx";
import { CopyButton } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { KeyText } from "../parts/key-text.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { Outcome } from "../parts/outcome.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useLoad } from "../parts/use-load.ts";
import { ImageTree, Reveal } from "../parts/values.tsx";
import { editorText, readEdited } from "./dead-letter-edit.ts";

const load = ({ queueUrl, id }: DeadLetterRow): Promise<DeadLetterView> =>
  post<DeadLetterView>("/api/dead-letters/show", { queueUrl, id });

const Facts = ({ row }: { readonly row: DeadLetterRow }) => (
  <dl class="facts">
    <div>
      <dt>route</dt>
      <dd>{row.route}</dd>
    </div>
    <div>
      <dt>error</dt>
      <dd>
        <code>{row.code}</code> {row.reason}
      </dd>
    </div>
    <div>
      <dt>item</dt>
      <dd>
        <KeyText keys={row.keys} />{" "}
        {row.keys !== undefined && (
          <a href={href("/item", { pipeline: row.pipeline, keys: JSON.stringify(row.keys) })}>where it stands</a>
        )}
      </dd>
    </div>
    <div>
      <dt>first failed</dt>
      <dd>
        <Ago at={row.firstFailedAt} />, {countText(row.attempts)} {row.attempts === 1 ? "attempt" : "attempts"}
      </dd>
    </div>
    <div>
      <dt>id</dt>
      <dd class="with-copy">
        <code class="truncate">{row.id}</code> <CopyButton text={row.id} label="Copy id" />
      </dd>
    </div>
    {row.eventId !== undefined && (
      <div>
        <dt>event ID</dt>
        <dd class="with-copy">
          <code class="truncate">{row.eventId}</code> <CopyButton text={row.eventId} label="Copy event ID" />
        </dd>
      </div>
    )}
    {row.isStored && (
      <div>
        <dt>record</dt>
        <dd>in S3: it is too large for a message</dd>
      </div>
    )}
  </dl>
);

const Images = ({ view: { message, newImage, oldImage, envelope } }: { readonly view: DeadLetterView }) => (
  <div class="stack">
    <section>
      <h3>Message of the error</h3>
      <pre class="letter-message">{message}</pre>
    </section>
    <div class="halves">
      <section>
        <h3>New image</h3>
        {newImage === undefined ? <p class="muted">The record has none.</p> : <ImageTree image={newImage} />}
      </section>
      <section>
        <h3>Old image</h3>
        {oldImage === undefined ? <p class="muted">The record has none.</p> : <ImageTree image={oldImage} />}
      </section>
    </div>
    <details>
      <summary>The whole envelope</summary>
      <div class="with-copy">
        <span class="muted">JSON</span> <CopyButton text={envelope} label="Copy envelope" />
      </div>
      <pre class="letter-message">{envelope}</pre>
    </details>
  </div>
);

const ResultText = ({ result }: { readonly result: DeadLetterResult }) => (
  <Notice tone={result.stays ? "warn" : "plain"} title={result.stays ? "The dead letter stays" : "Published again"}>
    <Outcome outcome={result.outcome} code={result.code} /> in {result.route}.
    {result.reason !== undefined && <p>{result.reason}</p>}
    {result.outcome === "superseded" && <p>The target has a newer change of the item, which wins.</p>}
  </Notice>
);

interface EditorProps {
  readonly view: DeadLetterView;
  readonly onResult: (result: DeadLetterResult) => void;
  readonly onCancel: () => void;
}

/** What is wrong, and where: the problem of the text, or the error of the server. */
const usePublish = ({ view: { row }, onResult }: EditorProps) => {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const publish = async (newImage: unknown): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const { queueUrl, id } = row;
      onResult(await post<DeadLetterResult>("/api/dead-letters/edit", { queueUrl, id, newImage }));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return { error, isBusy, publish };
};

const Editor = (props: EditorProps) => {
  const { view, onCancel } = props;
  const { keys } = view.row;
  const [text, setText] = useState(() => editorText(view.newImage, keys));
  const { error, isBusy, publish } = usePublish(props);
  const edited = readEdited(text, keys);
  const names = Object.keys(keys ?? {}).join(" and ");
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (edited.image !== undefined && !isBusy) publish(edited.image);
      }}
    >
      <Notice tone="plain" title="The edited record keeps its version">
        If the target has a newer change of this item, that change wins and this one is superseded. The table is not
        changed: correct the item there as well, or the next change brings the old value back.
      </Notice>
      <label class="field">
        <span class="field-label">
          The item as DynamoDB's JSON{names === "" ? "" : `; its key, ${names}, is fixed`}
        </span>
        <textarea
          class="input editor"
          spellcheck={false}
          rows={16}
          value={text}
          aria-invalid={edited.problem !== undefined}
          aria-describedby="editor-problem"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <p id="editor-problem" class="field-problem" role="status">
        {edited.problem ?? ""}
      </p>
      {error !== undefined && <ErrorNotice title="The dead letter was not published" error={error} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onCancel}>
          Back
        </button>
        <button type="submit" class="button button-main" disabled={edited.problem !== undefined || isBusy}>
          {isBusy ? "Publishing…" : `Publish again to ${view.row.route}`}
        </button>
      </div>
    </form>
  );
};

type EditProps = Omit<EditorProps, "view"> & { readonly row: DeadLetterRow };

const Edit = ({ row, onResult, onCancel }: EditProps) => {
  const { value, error, reload } = useLoad(row.id, () => load(row));
  if (error !== undefined)
    return <ErrorNotice title="The dead letter could not be read" error={error} onRetry={reload} />;
  if (value === undefined) return <Skeleton lines={8} />;
  if (value.newImage === undefined) {
    return (
      <div class="stack">
        <Notice tone="plain" title="There is no item to edit">
          The record is of a removal, or its stream has keys only. Redrive it instead.
        </Notice>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onCancel}>
            Back
          </button>
        </div>
      </div>
    );
  }
  return <Editor view={value} onResult={onResult} onCancel={onCancel} />;
};

interface ShowProps {
  readonly row: DeadLetterRow;
  readonly canEdit: boolean;
  readonly canRedrive: boolean;
  readonly onRedrive: (isDryRun: boolean) => void;
  readonly onResult: (result: DeadLetterResult) => void;
  readonly onClose: () => void;
}

/** The dialog of one dead letter. */
export const DeadLetterDialog = ({ row, canEdit, canRedrive, onRedrive, onResult, onClose }: ShowProps) => {
  const [isEditing, setEditing] = useState(false);
  const [result, setResult] = useState<DeadLetterResult>();
  const finish = (found: DeadLetterResult): void => {
    setResult(found);
    setEditing(false);
    onResult(found);
  };
  return (
    <Dialog title={isEditing ? "Edit and publish again" : "Dead letter"} isWide onClose={onClose}>
      {isEditing ? (
        <Edit row={row} onResult={finish} onCancel={() => setEditing(false)} />
      ) : (
        <div class="stack">
          {result !== undefined && <ResultText result={result} />}
          <Facts row={row} />
          <Reveal label="Show the values" load={() => load(row)}>
            {(view) => <Images view={view} />}
          </Reveal>
          <div class="dialog-actions">
            {canEdit && (
              <button type="button" class="button" disabled={result?.stays === false} onClick={() => setEditing(true)}>
                Edit and publish again…
              </button>
            )}
            {canRedrive && (
              <>
                <button type="button" class="button" onClick={() => onRedrive(true)}>
                  Dry run
                </button>
                <button type="button" class="button button-main" onClick={() => onRedrive(false)}>
                  Redrive
                </button>
              </>
            )}
          </div>
        </div>
      )}
    </Dialog>
  );
};
