// A person at the dead-letter queue: redrives it to a pipeline, or lets SQS move it to the retry queue.

import { decodeEnvelope } from "@sluice/core/envelope";
import { envelopeOrder, FunctionFailedError, type MessageOrder, redriveEngine } from "@sluice/redrive";
import type { QueueMessage } from "./queue.ts";
import type { World } from "./world.ts";

/** Copies of one dead letter, which are sent once and removed together. */
interface Unit extends MessageOrder {
  readonly messages: QueueMessage[];
}

/** Groups messages by the ids of their envelopes: equal ids are copies of the same delivery. */
const unitsOf = (messages: readonly QueueMessage[]): Unit[] => {
  const units = new Map<string, Unit>();
  for (const message of messages) {
    const envelope = decodeEnvelope(message.body);
    if (envelope === undefined) throw new Error("a message of the dead-letter queue is no envelope");
    const unit = units.get(envelope.id);
    if (unit === undefined) units.set(envelope.id, { ...envelopeOrder(envelope), messages: [message] });
    else unit.messages.push(message);
  }
  return [...units.values()];
};

/** Redrives the dead letters to a pipeline's function. Letters that the function does not finish stay. */
export const redrive = async (world: World, pipeline: number): Promise<void> => {
  const { deadLetters, plan } = world;
  const received = deadLetters.receive(1_000, 3_600_000);
  const name = plan.pipelines[pipeline]?.name;
  const engine = redriveEngine<Unit>({
    invoke: async (event) => {
      const answer = await world.invoke(pipeline, event);
      if (answer === undefined) throw new FunctionFailedError("the function failed", "Error");
      return answer;
    },
    recordOf: ({ messages: [first] }) => ({ messageId: first?.id ?? "", body: first?.body ?? "" }),
    onResults: async (results) => {
      for (const [{ messages }, { stays }] of results) {
        for (const { receipt = "", body } of messages) {
          if (stays) {
            deadLetters.hide(receipt, 0);
            continue;
          }
          const delivery = world.deliveryOf({ body });
          if (!delivery.startsWith(`${name}/`))
            world.violations.push(`deletion: the redrive to ${name} deleted the dead letter of ${delivery}`);
          deadLetters.remove(receipt);
        }
      }
    },
  });
  await engine.send(unitsOf(received)).catch(() => undefined);
  for (const { receipt = "" } of received) deadLetters.hide(receipt, 0);
};

/** Moves the dead letters to the retry queue, as SQS does. It moves only between queues of one kind. */
export const moveToRetries = ({ deadLetters, retries }: World): void => {
  if (deadLetters.isFifo !== retries.isFifo) return;
  for (const { receipt = "", body, group } of deadLetters.receive(1_000, 3_600_000)) {
    deadLetters.remove(receipt);
    retries.add(body, group, undefined);
  }
};
