/** Lines of a stream of bytes. */
const NEWLINE = 10;

/** Each line without its end, as text; `undefined` for one that is not UTF-8. Only `\n` and `\r\n` end a line. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ number: number; text: string | undefined }> {
  let rest: Uint8Array[] = [];
  let number = 0;
  const line = (last: Uint8Array) => {
    const bytes = Buffer.concat([...rest, last]);
    rest = [];
    return { number: ++number, text: decoded(bytes) };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      yield line(chunk.subarray(from, end));
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
  }
  if (rest.some(({ byteLength }) => byteLength > 0)) yield line(new Uint8Array());
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r$/, "");
  } catch {
    return undefined;
  }
}
