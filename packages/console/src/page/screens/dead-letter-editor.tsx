// The editor of a dead letter, which publishes the edited record again.

import { useState } from "preact/hooks";
import type { DeadLetterResult, DeadLetterRow, DeadLetterView } from "../../api/dead-letters.ts";
import { post } from "../client.ts";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useLoad } from "../parts/use-load.ts";
import { editorText, readEdited } from "./dead-letter-edit.ts";

/** Reads a dead letter with its values. */
export const loadLetter = ({ queueUrl, id }: DeadLetterRow): Promise<DeadLetterView> =>
  post<DeadLetterView>("/api/dead-letters/show", { queueUrl, id });

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
        if (edited.image !== undefined && !isBusy) void publish(edited.image);
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

/** Reads a dead letter, edits its item and publishes it again. */
export const DeadLetterEditor = ({ row, onResult, onCancel }: EditProps) => {
  const { value, error, reload } = useLoad(row.id, () => loadLetter(row));
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
