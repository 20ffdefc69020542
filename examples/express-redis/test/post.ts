/** Posts over kept connections, at a fraction of what `fetch` costs: the machine is to be busy with the app, not with its sender. */
import { Agent, type IncomingMessage, request } from "node:http";
import type { Answer } from "example-express-sqlite/sender";

const TIMEOUT_MS = 15_000;
const agent = new Agent({ keepAlive: true });

/** As `post` of the sender; `body.code` says why there was no answer. */
export function post(url: string, body: string, headers: Record<string, string>): Promise<Answer> {
  const from = performance.now();
  const ms = (): number => Math.round(performance.now() - from);
  return new Promise((resolve) => {
    function failed(error: NodeJS.ErrnoException): void {
      // The server has just closed a connection that lay unused for 5 s: nobody has read this.
      if (sent.reusedSocket && error.code === "ECONNRESET") resolve(post(url, body, headers));
      else resolve({ status: undefined, body: { code: error.message }, replayed: false, ms: ms() });
    }
    function answered(response: IncomingMessage): void {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", failed);
      response.on("end", () => {
        const replayed = response.headers["idempotent-replayed"] === "true";
        resolve({ status: response.statusCode, body: JSON.parse(text), replayed, ms: ms() });
      });
    }
    const sent = request(url, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
    });
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    sent.on("response", answered).on("error", failed).end(body);
  });
}
