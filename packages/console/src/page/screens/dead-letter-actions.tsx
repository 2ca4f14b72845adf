// What can be done with selected dead letters: the bar above the list, and its questions.

import { useState } from "preact/hooks";
import type { About } from "../../api/about.ts";
import type { DeadLetterRow, DropResult } from "../../api/dead-letters.ts";
import { isLive, type RunView } from "../../api/runs.ts";
import { href } from "../address.ts";
import { post } from "../client.ts";
import { countText } from "../format.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { Progress } from "../parts/progress.tsx";
import { byRouteText, confirmsDrop, type Selected } from "./dead-letter-groups.ts";
import { Check } from "./dead-letter-list.tsx";
import { countsOf } from "./run-form.ts";
import { RunStateSign } from "./run-state.tsx";

/** A number of dead letters. */
export const lettersText = (count: number): string =>
  `${countText(count)} ${count === 1 ? "dead letter" : "dead letters"}`;

/** What the bar can begin. */
export type LetterAction = "dry run" | "redrive" | "export" | "drop";

interface BarProps {
  readonly about: About;
  readonly shown: number;
  readonly selectedCount: number;
  readonly selected: Selected;
  readonly isBusy: boolean;
  readonly onSelectAll: (isSelected: boolean) => void;
  readonly onAction: (action: LetterAction) => void;
}

/** Why some actions are missing; undefined if none is. */
const missingText = ({ can, mode }: About): string | undefined => {
  const missing = [
    ...(can.redrive ? [] : ["redrive"]),
    ...(can.editDeadLetter ? [] : ["edit"]),
    ...(can.dropDeadLetters ? [] : ["drop"]),
  ];
  if (missing.length === 0) return undefined;
  const way = mode === "deployment" ? ": start it with --write" : "";
  return `This console may not ${missing.join(" or ")} dead letters${way}.`;
};

/** The bar with the selection and its actions. */
export const ActionBar = ({ about, shown, selectedCount, selected, isBusy, onSelectAll, onAction }: BarProps) => {
  const { can } = about;
  const isIdle = selectedCount === 0 || isBusy;
  const missing = missingText(about);
  return (
    <div class="letter-bar">
      <Check label={`Select all ${lettersText(shown)}`} selected={selected} onChange={onSelectAll} />
      <span class="letter-selected" role="status">
        {selectedCount === 0
          ? "Select dead letters: one, a group, or all"
          : `${countText(selectedCount)} of ${countText(shown)} selected`}
      </span>
      <div class="row">
        {can.redrive && (
          <>
            <ActionButton isDisabled={isIdle} onAction={() => onAction("dry run")}>
              Dry run
            </ActionButton>
            <ActionButton look="button-main" isDisabled={isIdle} onAction={() => onAction("redrive")}>
              Redrive
            </ActionButton>
          </>
        )}
        <ActionButton isDisabled={isIdle} onAction={() => onAction("export")}>
          Export
        </ActionButton>
        {can.dropDeadLetters && (
          <ActionButton look="button-danger" isDisabled={isIdle} onAction={() => onAction("drop")}>
            Drop…
          </ActionButton>
        )}
      </div>
      {missing !== undefined && <p class="letter-missing muted">{missing}</p>}
    </div>
  );
};

/** How the last redrive goes, or how it ended. */
export const RedriveProgress = ({ run }: { readonly run: RunView }) => {
  const isDryRun = run.input.kind === "redrive" && run.input.isDryRun === true;
  const { state, progress, result, error } = run;
  // Only at the end: a screen reader would read each step of the progress.
  const counts = countsOf(isLive(state) ? {} : (result?.counts ?? progress?.counts ?? {}));
  return (
    <section class="card card-body stack-small" aria-label={isDryRun ? "Dry run" : "Redrive"}>
      <div class="row">
        <strong>{isDryRun ? "Dry run" : "Redrive"}</strong>
        <RunStateSign run={run} />
        <a href={href("/runs", { id: run.id })}>open the run</a>
      </div>
      {isLive(state) && (
        <Progress label={progress?.doing ?? "Starting"} done={progress?.done ?? 0} total={progress?.total} />
      )}
      <p role="status">
        {counts.map(([name, count]) => `${countText(count)} ${isDryRun ? "would be " : ""}${name}`).join(", ")}
      </p>
      {error !== undefined && (
        <Notice tone="bad" title="The redrive failed">
          {error}
        </Notice>
      )}
    </section>
  );
};

interface ConfirmProps {
  readonly about: About;
  readonly rows: readonly DeadLetterRow[];
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** The question before a redrive in a deployment. */
export const ConfirmRedrive = ({ about, rows, onConfirm, onClose }: ConfirmProps) => (
  <Dialog title={`Redrive ${lettersText(rows.length)}?`} onClose={onClose}>
    <div class="stack">
      <p>
        The function <strong>{about.title}</strong> gets {byRouteText(rows)} again and writes to the targets. Changes
        that are older than the target's state are superseded.
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button button-main" onClick={onConfirm}>
          Redrive {countText(rows.length)} with {about.title}
        </button>
      </div>
    </div>
  </Dialog>
);

interface DropProps {
  readonly queueUrl: string;
  readonly rows: readonly DeadLetterRow[];
  readonly onDropped: (result: DropResult) => void;
  readonly onClose: () => void;
}

/** The question before dead letters are dropped: the number must be typed. */
export const ConfirmDrop = ({ queueUrl, rows, onDropped, onClose }: DropProps) => {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const isConfirmed = confirmsDrop(typed, rows.length);
  const drop = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      onDropped(await post<DropResult>("/api/dead-letters/drop", { queueUrl, ids: rows.map(({ id }) => id) }));
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Drop ${lettersText(rows.length)}?`} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed && !isBusy) void drop();
        }}
      >
        <p>
          They are deleted from the queue, and their changes never reach the targets: {byRouteText(rows)}. A file with
          them is written first, from which <code>sluice redrive</code> can send them again.
        </p>
        <label class="field">
          <span class="field-label">Type {rows.length} or DROP to go on</span>
          <input
            class="input"
            autofocus
            autocomplete="off"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        {error !== undefined && <ErrorNotice title="The drop failed" error={error} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-danger" disabled={!isConfirmed || isBusy}>
            {isBusy ? "Dropping…" : `Drop ${countText(rows.length)}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
};

/** What was dropped, and where the file is. */
export const DropNotice = ({ result: { dropped, left, file } }: { readonly result: DropResult }) => (
  <Notice tone={left === 0 ? "plain" : "warn"} title={`${lettersText(dropped)} dropped`}>
    {left > 0 && <p>{lettersText(left)} could not be deleted, and stay in the queue.</p>}
    <p>
      The file <code>{file}</code> has them: <code>sluice redrive {file}</code> sends them again.
    </p>
  </Notice>
);
