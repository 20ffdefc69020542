/** Asks a dashboard as its page does, without a socket: what a socket adds is covered by the adapters' contract and the browser tests. */
import type { HttpHandler, HttpRequest } from "@hooklatch/core";

export interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the page would be given
  json: any;
}

export const OWN_PAGE = {
  host: "ops.example",
  origin: "https://ops.example",
  "sec-fetch-site": "same-origin",
  "content-type": "application/json",
  "x-hooklatch-action": "1",
};

export async function ask(
  dashboard: HttpHandler,
  method: string,
  path: string,
  {
    body,
    headers = OWN_PAGE,
    basePath = "/ops",
  }: { body?: unknown; headers?: HttpRequest["headers"]; basePath?: string } = {},
): Promise<Answer> {
  const response = await dashboard.handle({
    method,
    url: `${basePath}/${path}`,
    basePath,
    headers,
    body: new TextEncoder().encode(
      body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body),
    ),
  });
  const text = new TextDecoder().decode(response.body ?? new Uint8Array());
  const isJson = String(response.headers["content-type"]).includes("json");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text ? JSON.parse(text) : undefined,
  };
}
