/** A response as it came over the wire. */

export interface ReplyHead {
  status: number;
  /** Names in lower case, in the order in which they came. */
  headers: readonly (readonly [name: string, value: string])[];
  /** All values of one header. */
  all(name: string): string[];
  /** The one value of a header; several are an error. */
  header(name: string): string | undefined;
}

export interface Reply extends ReplyHead {
  /** Without its transfer coding; a content coding stays. */
  body: Buffer;
  text(): string;
  json(): unknown;
  /** Every byte, from the status line to the end of the body. */
  raw: Buffer;
}

/** What of a response is here, without what comes after it; `undefined` before its head. `ended`: nothing more will come. */
export function parseReply(
  seen: Buffer,
  method: string,
  ended: boolean,
): (Reply & { complete: boolean }) | undefined {
  const headEnd = seen.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = seen.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  const rest = seen.subarray(headEnd + 4);
  // 100 Continue and the like come before the response.
  if (status < 200) return parseReply(rest, method, ended);
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const all = (name: string): string[] => headers.filter(([one]) => one === name).map(([, value]) => value);
  const { body, complete, length } = bodyOf(rest, { method, status, all, ended });
  return {
    status,
    headers,
    all,
    header(name) {
      const values = all(name);
      if (values.length > 1) throw new Error(`${name} came ${values.length} times: ${values.join(" | ")}`);
      return values[0];
    },
    body,
    text: () => body.toString("utf8"),
    json: () => JSON.parse(body.toString("utf8")),
    raw: seen.subarray(0, headEnd + 4 + length),
    complete,
  };
}

interface Framing {
  method: string;
  status: number;
  all(name: string): string[];
  ended: boolean;
}

/** `length`: what it takes up on the wire, so far. */
interface Body {
  body: Buffer;
  complete: boolean;
  length: number;
}

function bodyOf(rest: Buffer, { method, status, all, ended }: Framing): Body {
  if (method === "HEAD" || status === 204 || status === 304) {
    return { body: Buffer.alloc(0), complete: true, length: 0 };
  }
  if (all("transfer-encoding").includes("chunked")) return dechunked(rest);
  const [announced] = all("content-length");
  const body = rest.subarray(0, announced === undefined ? undefined : Number(announced));
  const complete = announced === undefined ? ended : body.byteLength === Number(announced);
  return { body, complete, length: body.byteLength };
}

function dechunked(rest: Buffer): Body {
  const parts: Buffer[] = [];
  const so = (length: number, complete: boolean): Body => ({ body: Buffer.concat(parts), complete, length });
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf("\r\n", at);
    if (lineEnd === -1) return so(rest.byteLength, false);
    const size = Number.parseInt(rest.toString("latin1", at, lineEnd), 16);
    const from = lineEnd + 2;
    const next = from + size + 2;
    if (size === 0) return so(next, rest.byteLength >= next);
    parts.push(rest.subarray(from, from + size));
    if (next > rest.byteLength) return so(rest.byteLength, false);
    at = next;
  }
}
