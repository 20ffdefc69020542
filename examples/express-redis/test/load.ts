/**
 * Deliveries to two processes: 30 % of them are duplicates, and half of these are sent together with the first delivery, to the other
 * process. What is sent where is chosen by a seed.
 */
import { type Answer, deliver, laterCopy, paidOrder, type SentEvent } from "example-express-sqlite/sender";
import { until } from "example-express-sqlite/testing/until";
import { post } from "./post.js";
import { createRandom } from "./random.js";

const IN_FLIGHT = 32;
/** One in so many orders takes longer than a sender is let wait: 202, and done later. */
const SLOW_ONE_IN = 400;

type Route = "stripe" | "by key" | "by content";
const ROUTES: readonly Route[] = ["stripe", "stripe", "by key", "by content"];

interface Planned {
  event: SentEvent;
  note: "slow" | undefined;
  route: Route;
  /** The process that gets the first delivery, and the one that gets the duplicate. */
  to: [first: string, second: string];
  duplicate?: "together" | "later";
}

export interface Sent extends Planned {
  /** Of the first delivery, and of the duplicate. */
  answers: Answer[];
  /** What those were answered that had been told 202, when they asked again at the end. */
  later: Answer[];
}

export interface Load {
  seed: number;
  deliveries: number;
  urls: readonly [string, string];
  stripeSecret: string;
}

/** Sends all of it, and then again what was answered 202, until it is answered otherwise. */
export async function sendLoad(load: Load): Promise<Sent[]> {
  const queue = plan(load).values();
  const sent: Sent[] = [];
  async function sender(): Promise<void> {
    for (const planned of queue) sent.push({ ...planned, answers: await sendOne(planned, load), later: [] });
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));

  const accepted = sent
    .flatMap((one) => one.answers.filter(({ status }) => status === 202).map(() => one))
    .values();
  async function asker(): Promise<void> {
    for (const one of accepted) one.later.push(await askAgain(one, load));
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, asker));
  return sent;
}

function plan({ seed, deliveries, urls }: Load): Planned[] {
  const random = createRandom(seed);
  const duplicates = Math.round(deliveries * 0.3);
  const events = deliveries - duplicates;
  const planned = Array.from({ length: events }, (_, i): Planned => {
    const note = random.next(SLOW_ONE_IN) === 0 ? "slow" : undefined;
    const event = paidOrder("mug", note, `${seed.toString(36)}-${i}`);
    const [first, second] = random.shuffled(urls) as [string, string];
    return { event, note, route: ROUTES[random.next(ROUTES.length)] ?? "stripe", to: [first, second] };
  });
  for (const [i, one] of random.shuffled(planned).slice(0, duplicates).entries()) {
    one.duplicate = i % 2 === 0 ? "together" : "later";
  }
  return planned;
}

async function sendOne(planned: Planned, load: Load): Promise<Answer[]> {
  const [first, second] = planned.to;
  const one = send(first, planned, load);
  if (planned.duplicate === undefined) return [await one];
  if (planned.duplicate === "later") await one;
  return Promise.all([one, send(second, { ...planned, event: laterCopy(planned.event) }, load)]);
}

function askAgain(planned: Planned, load: Load): Promise<Answer> {
  return until(`${planned.event.id} is answered`, async () => {
    const answer = await send(planned.to[1], planned, load);
    return answer.status === 202 ? undefined : answer;
  });
}

function send(url: string, { event, note, route }: Planned, { stripeSecret }: Load): Promise<Answer> {
  if (route === "stripe") return deliver(url, event, stripeSecret, post);
  const body = JSON.stringify({ id: event.orderId, sku: "mug", note });
  return post(`${url}/webhooks/generic`, body, route === "by key" ? { "idempotency-key": event.id } : {});
}
