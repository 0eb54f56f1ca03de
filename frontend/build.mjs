// Bundles the script and the style of the pages into the Python package: `npm run build`.
import { build } from "esbuild";

const common = { bundle: true, minify: true, charset: "utf8", legalComments: "none", logLevel: "warning" };
const assets = process.env.ASSETS ?? "../batchsim/report/page/assets";

await build({
  ...common,
  entryPoints: ["src/main.jsx"],
  outfile: `${assets}/page.js`,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  banner: { js: "/* Built by `npm run build` in frontend/. Holds Preact, copyright Jason Miller, MIT license. */" },
});
await build({ ...common, entryPoints: ["src/page.css"], outfile: `${assets}/page.css` });
