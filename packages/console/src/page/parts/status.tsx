// The status of a pipeline.

import type { PipelineStatus } from "../../api/overview.ts";

/** A status, as a sign and a word. */
export const Status = ({ status }: { readonly status: PipelineStatus }) => (
  <span class={`status status-${status}`}>
    <span class="status-dot" aria-hidden="true" />
    {status}
  </span>
);
