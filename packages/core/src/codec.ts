/** Inputs and outputs as bytes: what a store keeps is opaque to it. */
import { HooklatchError } from "./errors.js";
import { strictJson } from "./fingerprint.js";

/** Turns a handler's input and output into bytes and back. What comes back is what the handler and its callers see. */
export interface Codec<Input, Output = unknown> {
  /** Throws when the input cannot be kept: the call is then refused before anything is claimed. */
  encodeInput(input: Input): Uint8Array;
  decodeInput(bytes: Uint8Array): Input;
  /** Throws when the output cannot be kept: the operation is then completed without its result, and never run again. */
  encodeOutput(output: Output): Uint8Array;
  decodeOutput(bytes: Uint8Array): Output;
}

/** JSON, strictly: what `JSON.stringify` would lose is refused. `undefined` is kept as no bytes at all. */
export function jsonCodec<Input, Output>(): Codec<Input, Output> {
  return {
    encodeInput: encode,
    decodeInput: decode<Input>,
    encodeOutput: encode,
    decodeOutput: decode<Output>,
  };
}

function encode(value: unknown): Uint8Array {
  return value === undefined ? new Uint8Array(0) : new TextEncoder().encode(strictJson(value));
}

function decode<T>(bytes: Uint8Array): T {
  if (bytes.byteLength === 0) return undefined as T;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    throw new HooklatchError("event_undecodable", "The stored bytes are not JSON.", { cause });
  }
}
