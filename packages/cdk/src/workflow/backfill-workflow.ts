// The workflow that copies a whole table to the targets.

import { backfillStateMachine, functionEntry, type PlanOptions } from "@sluice/workflow";
import type { Duration } from "aws-cdk-lib";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import {
  type CopyOptions,
  type CopyProps,
  checkExports,
  copyPlace,
  copyReportFunction,
  definitionOptions,
  type ExportPlace,
  grantChecks,
  grantExports,
  grantMap,
  planFunction,
  workerFunction,
} from "./copy-parts.ts";
import { checkedDefinition, partitionOf, workflowStateMachine } from "./step-function.ts";

/** Options of a backfill. */
export interface BackfillOptions extends CopyOptions {
  /** The exports that a run may read. Default: none, a run scans the table. */
  readonly exports?: ExportPlace;
  /** Preconditions that you have checked yourself. */
  readonly skipChecks?: NonNullable<PlanOptions["skipChecks"]>;
  /** Workers wait while the pipeline's function lags by more than this time; `false`: they never do. Default: one minute. */
  readonly yieldAbove?: Duration | false;
  /** A unit with more rejected records fails. Default 100. */
  readonly maxFailures?: number;
}

/** Options of `BackfillWorkflow`. */
export interface BackfillWorkflowProps extends BackfillOptions, CopyProps {}

/** The state machine that copies a table, or an export of it, with its functions and its bucket. */
export class BackfillWorkflow extends Construct {
  readonly stateMachine: StateMachine;
  /** The bucket for the state of runs. */
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, props: BackfillWorkflowProps) {
    super(scope, id);
    const place = copyPlace(this, props, "a backfill");
    if (props.exports) checkExports(place.table);
    this.bucket = place.bucket;
    const { prefix, skipChecks, maxFailures, yieldAbove } = props;
    const plan = planFunction(this, props, place, {
      factory: "backfillPlan",
      options: { ...(prefix !== undefined && { prefix }), ...(skipChecks && { skipChecks }) },
    });
    grantChecks(plan, props, place);
    const worker = workerFunction(this, props, place, {
      factory: "backfillWorker",
      options: {
        ...(maxFailures !== undefined && { maxFailures }),
        ...(yieldAbove && { yieldAboveMs: yieldAbove.toMilliseconds() }),
      },
      tableActions: ["Scan"],
      uses: ["write"],
      readsLag: yieldAbove !== false,
    });
    const report = copyReportFunction(this, props, place, functionEntry("backfill-report"));
    const definition = checkedDefinition(() =>
      backfillStateMachine({ ...definitionOptions(props), partition: partitionOf(this) }),
    );
    this.stateMachine = workflowStateMachine(this, definition, {
      PlanFunctionArn: plan,
      WorkerFunctionArn: worker,
      ReportFunctionArn: report,
    });
    grantMap(this, this.stateMachine, place, ["units.jsonl"]);
    for (const fn of [plan, worker]) grantExports(props.exports, fn);
    // The report compares the units with the list of files.
    for (const one of [report, this.stateMachine]) grantExports(props.exports, one, "*/manifest-files.json");
  }
}
