/** A body as a text that can be edited, and back: an edit changes what was edited, and nothing else. */
import { jsonFault, layOut, pack } from "./json.js";
import { escapeHidden } from "./visible.js";

export interface Editable {
  text: string;
  json: boolean;
  /**
   * What is sent for a text, shaped as the original was. For `text` itself, and for the same JSON laid out in another way, it is the original,
   * to the byte.
   */
  toBody(text: string): string;
}

/** `original`: a body, whole. */
export function editable(original: string): Editable {
  const json = jsonFault(original) === undefined;
  const laidOut = json ? layOut(original) : undefined;
  if (laidOut !== undefined) {
    const text = escapeHidden(laidOut);
    const same = pack(text);
    const packed = pack(original) === original;
    const toBody = (edited: string) => {
      const small = pack(edited);
      return small === same ? original : packed ? small : edited;
    };
    return { text, json, toBody };
  }
  // A textarea has line feeds alone.
  const windows = original.includes("\r\n") && !/[^\r]\n/.test(original);
  const text = original.replace(/\r\n?/g, "\n");
  const toBody = (edited: string) =>
    edited === text ? original : windows ? edited.replaceAll("\n", "\r\n") : edited;
  return { text, json, toBody };
}
