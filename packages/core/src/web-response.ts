/** The way back where Fetch is spoken. */
import { BODILESS, HOP_BY_HOP, type HttpResponse } from "./http.js";

export function toResponse({ status, headers, body }: HttpResponse, method = "GET"): Response {
  const sent = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (HOP_BY_HOP.has(name)) continue;
    for (const one of [value].flat()) sent.append(name, one);
  }
  const bodiless = body === null || method === "HEAD" || BODILESS.has(status);
  return new Response(bodiless ? null : (body as Uint8Array<ArrayBuffer>), { status, headers: sent });
}
