/** Shows the document that stands in the page. */

import { render } from "preact";
import { useMemo } from "preact/hooks";
import { Findings } from "./Findings.jsx";
import { GraphWalk } from "./Graph.jsx";
import { Likely, Sweep } from "./Likely.jsx";
import { Stepper, walksOf } from "./Stepper.jsx";
import { Why } from "./Why.jsx";
import { Reader } from "./tables.js";

/** @typedef {import("./document").Page} Page */
/** @typedef {import("./document").ScenarioPage} ScenarioPage */

/** @param {{page: ScenarioPage}} props */
function Scenario({ page }) {
  const reader = useMemo(() => new Reader(page.tables), [page]);
  const walks = useMemo(() => walksOf(page, reader), [page, reader]);
  return (
    <>
      <Stepper page={page} reader={reader} walks={walks} />
      <Why page={page} />
      {page.likely && <Likely likely={page.likely} walks={page.walks} />}
      <GraphWalk page={page} reader={reader} />
    </>
  );
}

/** @param {{page: import("./document").AnswerPage}} props */
function Steps({ page }) {
  const reader = useMemo(() => new Reader(page.tables), [page]);
  const walks = useMemo(() => walksOf(page, reader), [page, reader]);
  return <Stepper page={page} reader={reader} walks={walks} />;
}

const source = /** @type {HTMLElement} */ (document.getElementById("document"));
const root = document.getElementById("app");
/** @type {Page} */
const page = JSON.parse(source.textContent ?? "");
if (root && page.page === "scenario") render(<Scenario page={page} />, root);
if (root && page.page === "answer" && page.walks.length) render(<Steps page={page} />, root);
if (root && page.page === "findings") render(<Findings page={page} />, root);
if (root && page.page === "sweep") render(<Sweep page={page} />, root);
