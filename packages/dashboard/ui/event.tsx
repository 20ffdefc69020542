/** What the sender delivered: its payload and its headers. */
import { useMemo, useState } from "preact/hooks";
import type { EventShown } from "../src/api.js";
import { layOut } from "./json.js";
import { Long, Text } from "./text.js";
import { Exactly } from "./time.js";
import { hasHidden } from "./visible.js";
import { bytes, count } from "./words.js";

const FIRST_LINES = 60;
const FIRST_LENGTH = 6000;

export function Payload({ event, label }: { event: EventShown; label: string }) {
  const [raw, setRaw] = useState(false);
  const { text } = event;
  const laidOut = useMemo(
    () => (text === undefined || event.cut ? undefined : layOut(text)),
    [text, event.cut],
  );
  if (text === undefined) {
    return (
      <p class="empty-line">
        {bytes(event.bytes)} that are not UTF-8 text. The download has them as they came.
      </p>
    );
  }
  if (event.bytes === 0) return <p class="empty-line">The body is empty.</p>;
  const shown = raw || laidOut === undefined ? text : laidOut;
  return (
    <div class="payload">
      <div class="payload-head">
        <span class="quiet small">
          {bytes(event.bytes)}
          {laidOut !== undefined && " of JSON"}
          {event.cut && `, only the first ${count(text.length)} characters are shown: the download has all`}
          {event.redacted && ", some values are left out"}
          {hasHidden(shown) && ", hidden characters are shown as tokens"}
        </span>
        {laidOut !== undefined && (
          <fieldset class="toggle">
            <legend class="hidden">How the body is shown</legend>
            <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>
              Laid out
            </button>
            <button type="button" aria-pressed={raw} onClick={() => setRaw(true)}>
              Raw
            </button>
          </fieldset>
        )}
      </div>
      <Body key={raw ? "raw" : "laid out"} text={shown} label={label} />
    </div>
  );
}

/** Long bodies begin short. */
function Body({ text, label }: { text: string; label: string }) {
  const [all, setAll] = useState(false);
  const beginning = useMemo(() => beginningOf(text), [text]);
  const cut = beginning.length < text.length;
  return (
    <figure class="body" aria-label={label}>
      <pre class="text">
        <Text value={all ? text : beginning} lines />
      </pre>
      {cut && (
        <button type="button" class="more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show less" : `Show all ${count(text.length)} characters`}
        </button>
      )}
    </figure>
  );
}

function beginningOf(text: string): string {
  let end = -1;
  for (let line = 0; line < FIRST_LINES; line++) {
    end = text.indexOf("\n", end + 1);
    if (end === -1) break;
  }
  const lines = end === -1 ? text : text.slice(0, end);
  return lines.length > FIRST_LENGTH * 1.2 ? lines.slice(0, FIRST_LENGTH) : lines;
}

/** How it was delivered; nothing where the event is the input of a plain function. */
export function Delivery({ event }: { event: EventShown }) {
  const { method, url, receivedAt, headers } = event;
  if (method === undefined) return <p class="quiet">The input of a plain function: it has no request.</p>;
  return (
    <>
      <dl class="facts">
        <div>
          <dt>request</dt>
          <dd>
            <code>
              {method} <Long value={url ?? ""} limit={200} />
            </code>
          </dd>
        </div>
        {receivedAt !== undefined && (
          <div>
            <dt>received</dt>
            <dd>
              <Exactly at={receivedAt} />
            </dd>
          </div>
        )}
      </dl>
      {headers && headers.length > 0 ? (
        <table class="headers">
          <caption class="hidden">Headers of the request</caption>
          <thead>
            <tr>
              <th scope="col">Header</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {headers.map(([name, value], index) => (
              <tr key={`${index} ${name}`}>
                <th scope="row">
                  <code>
                    <Long value={name} limit={80} />
                  </code>
                </th>
                <td>
                  <code>
                    <Long value={value} limit={240} />
                  </code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="quiet">No headers were kept.</p>
      )}
      <p class="quiet small">Credentials are left out.</p>
    </>
  );
}
