/** The way back where Fetch is spoken. */
import { BODILESS, HOP_BY_HOP, type HttpResponse } from "./http.js";

export function toResponse({ status, headers, body }: HttpResponse, method = "GET"): Response {
  const bodiless = body === null || method === "HEAD" || BODILESS.has(status);
  return new Response(bodiless ? null : (body as Uint8Array<ArrayBuffer>), {
    status,
    headers: sent(headers),
  });
}

/** A plain object where it can say it all: hosts send that without making `Headers` of it. */
function sent(headers: HttpResponse["headers"]): Headers | Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (Array.isArray(value)) return all(headers);
    if (value !== undefined && !HOP_BY_HOP.has(name)) plain[name] = value;
  }
  return plain;
}

function all(headers: HttpResponse["headers"]): Headers {
  const sent = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (HOP_BY_HOP.has(name)) continue;
    for (const one of [value].flat()) sent.append(name, one);
  }
  return sent;
}
