// Sequences of lists, redrives and drops on one queue, some at once, against a model of the queue.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { decodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { fastCheckSeed } from "@sluice/testing";
import fc from "fast-check";
import { actionsOf } from "../../src/actions/actions.ts";
import { deadLetterOf, newQueue } from "../support/dead-letters.ts";
import { openShop } from "../support/shop.ts";
import { call, never } from "./place.ts";
