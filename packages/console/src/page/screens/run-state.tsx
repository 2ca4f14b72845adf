// The state of a run, as a sign and a word.

import type { RunStatus, RunView } from "../../api/runs.ts";
import type { IconName } from "../parts/icon.tsx";
import { State } from "../parts/state.tsx";
import { runStateText, runTone } from "./run-form.ts";

const icons: Readonly<Record<RunStatus, IconName>> = {
  running: "play",
  pausing: "pause",
  paused: "pause",
  cancelling: "close",
  cancelled: "close",
  done: "check",
  failed: "rejected",
};

/** The state of a run. */
export const RunStateSign = ({ run: { state, result } }: { readonly run: RunView }) => {
  const isLeft = state === "done" && result?.isClean === false;
  return (
    <State
      tone={runTone(state, result?.isClean)}
      text={runStateText(state, result?.isClean)}
      icon={isLeft ? "warning" : icons[state]}
    />
  );
};
