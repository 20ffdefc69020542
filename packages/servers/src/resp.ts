/** Just enough of Redis' protocol to start servers and to ask them how they are. */
import { connect } from "node:net";

export interface Address {
  host: string;
  port: number;
}

export type Reply = string | number | null | Reply[];

/**
 * Sends one command on a connection of its own. Rejects with the server's error, when there is no connection, and when the answer
 * takes longer than `timeoutMs` (default: 2000).
 */
export function ask(
  { host, port }: Address,
  command: readonly (string | number)[],
  timeoutMs = 2_000,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect({ host, port });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const parsed = parse(received, 0);
      if (parsed === undefined) return;
      socket.destroy();
      if (parsed.value instanceof Error) reject(parsed.value);
      else resolve(parsed.value);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`${host}:${port} closed the connection`)));
    const words = command.map(String).map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${words.join("")}`);
  });
}

/** The lines `name:value` of INFO and of its relatives. */
export async function askInfo(
  address: Address,
  command: readonly string[],
  timeoutMs?: number,
): Promise<Map<string, string>> {
  const lines = String(await ask(address, command, timeoutMs)).split("\r\n");
  return new Map(lines.filter((line) => line.includes(":")).map((line) => split(line)));
}

function split(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1)];
}

/** `undefined`: there is more to come. */
function parse(bytes: Buffer, from: number): { value: Reply | Error; next: number } | undefined {
  const end = bytes.indexOf("\r\n", from);
  if (end < 0) return undefined;
  const kind = bytes.toString("latin1", from, from + 1);
  const text = bytes.toString("utf8", from + 1, end);
  const next = end + 2;
  if (kind === "+") return { value: text, next };
  if (kind === "-") return { value: new Error(text), next };
  if (kind === ":") return { value: Number(text), next };
  const length = Number(text);
  if (length < 0) return { value: null, next };
  if (kind === "$") {
    if (bytes.length < next + length + 2) return undefined;
    return { value: bytes.toString("utf8", next, next + length), next: next + length + 2 };
  }
  const items: Reply[] = [];
  let at = next;
  for (let i = 0; i < length; i++) {
    const item = parse(bytes, at);
    if (item === undefined) return undefined;
    items.push(item.value instanceof Error ? item.value.message : item.value);
    at = item.next;
  }
  return { value: items, next: at };
}
