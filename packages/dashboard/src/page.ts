/** The page itself: a shell of HTML without any data, and its script and style, which are part of this package. */
import type { HttpResponse } from "@hooklatch/core";
import { pageFiles } from "../page/files.js";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** On every response. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const ASSETS: Readonly<Record<string, { type: string; text: string }>> = {
  [`${pageFiles.scriptHash}.js`]: { type: "text/javascript; charset=utf-8", text: pageFiles.script },
  [`${pageFiles.styleHash}.css`]: { type: "text/css; charset=utf-8", text: pageFiles.style },
  [`${pageFiles.iconHash}.svg`]: { type: "image/svg+xml", text: pageFiles.icon },
};

/** Named by its content, so it may be kept for ever. `undefined`: there is no such file. */
export function asset(name: string): HttpResponse | undefined {
  const found = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  return (
    found && text(200, found.type, found.text, { "cache-control": "public, max-age=31536000, immutable" })
  );
}

export function shell(basePath: string, title: string): HttpResponse {
  const base = escaped(basePath);
  const html = `<!doctype html>
<html lang="en" data-base="${base}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<link rel="icon" href="${base}/assets/${pageFiles.iconHash}.svg" type="image/svg+xml">
<link rel="stylesheet" href="${base}/assets/${pageFiles.styleHash}.css">
<script type="module" src="${base}/assets/${pageFiles.scriptHash}.js"></script>
</head>
<body>
<div id="app"></div>
<noscript>The dashboard needs JavaScript. The command <code>hooklatch dlq list</code> shows the same letters.</noscript>
</body>
</html>
`;
  return text(200, "text/html; charset=utf-8", html);
}

function text(
  status: number,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): HttpResponse {
  return { status, headers: { "content-type": type, ...headers }, body: new TextEncoder().encode(body) };
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (char) => ENTITIES[char] as string);
}
