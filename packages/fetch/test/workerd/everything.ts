/** All of what a Worker may import, so that nothing is left out of the bundle for want of use. */
export * as core from "@hooklatch/core";
export * as web from "@hooklatch/core/web";
export * as adapter from "@hooklatch/fetch";
