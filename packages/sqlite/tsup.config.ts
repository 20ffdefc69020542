import { packageConfig } from "../../tsup.base.js";

export default {
  ...packageConfig(["src/index.ts", "src/thread.ts"]),
  // For `import.meta.url` in CommonJS, by which the thread's module is found.
  shims: true,
};
