/** An event as a command that sends it again: safe to paste, whatever the event holds. */
import { utf8In } from "@hooklatch/core";
import { headerList, type Seen } from "./shown.js";

/** They say how the message travelled, which curl says itself. */
const NOT_SENT = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** A terminal acts on these even inside of quotes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const ANY_CONTROL = /[\n\t]/;

/** `undefined` for the input of a plain function. A body that is no text, or holds control characters, is to be downloaded first. */
export function curlOf({ delivered, body }: Seen): string | undefined {
  if (delivered === undefined) return undefined;
  const text = utf8In(body);
  const lines = [
    // Else curl would take `[1-1000000]` in an address for as many of them, and `/a/../admin` for another place.
    `curl --globoff --path-as-is -X ${quoted(delivered.method)} ${quoted(addressOf(delivered))}`,
    ...headerList(delivered.headers)
      .filter(([name, value]) => TOKEN.test(name) && !NOT_SENT.has(name) && isPlain(value))
      .map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
  ];
  if (body.byteLength > 0) {
    // Not `--data`, which reads a file where the text begins with `@`.
    lines.push(
      text === undefined || CONTROL.test(text) ? "--data-binary '@event.bin'" : `--data-raw ${quoted(text)}`,
    );
  }
  return lines.join(" \\\n  ");
}

function addressOf({ url, headers }: NonNullable<Seen["delivered"]>): string {
  const host =
    typeof headers.host === "string" && /^[\w.:[\]-]+$/.test(headers.host) ? headers.host : "localhost:3000";
  const local = /^(localhost|127\.|\[::1\])/.test(host);
  const path = [...url]
    .map((char) =>
      /^[\x21-\x7e]$/.test(char) ? char : encodeURIComponent(char.replace(/\p{Surrogate}/u, "\ufffd")),
    )
    .join("");
  return `${local ? "http" : "https"}://${host}${path.startsWith("/") ? "" : "/"}${path}`;
}

function isPlain(text: string): boolean {
  return !CONTROL.test(text) && !ANY_CONTROL.test(text);
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
