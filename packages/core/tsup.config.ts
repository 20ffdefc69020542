import { packageConfig } from "../../tsup.base.js";

// Built together with Node's types, because of src/node.ts; `pnpm typecheck` keeps them out of the other files.
export default packageConfig(["src/index.ts", "src/node.ts", "src/web.ts", "src/life.ts"], {
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  types: ["node"],
});
