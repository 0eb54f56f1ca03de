/** Walking the graph: from any state choose who goes next, and see what can still come of it. */

import { useMemo, useState } from "preact/hooks";
import { World } from "./World.jsx";
import { Verdicts } from "./Stepper.jsx";
import { counted, isOk, named, percent, verdictWords } from "./format.js";

/** @typedef {import("./document").GraphDocument} GraphDocument */
/** @typedef {import("./document").ScenarioPage} ScenarioPage */
/** @typedef {import("./tables.js").Reader} Reader */
/** @typedef {{label: number, target: number}} Edge */

const LEADS = 0, DIFFERENCE = 1, FATE = 2, TO_FAILURE = 3, LEFT_OUT = 4, VIEWS = 5, EDGES = 6;

export class Graph {
  /** @param {GraphDocument} document @param {Reader} reader */
  constructor(document, reader) {
    this.document = document;
    this.reader = reader;
  }

  /** @param {number} state @returns {Edge[]} */
  edgesOf(state) {
    const entry = this.document.states[state];
    const edges = [];
    for (let place = EDGES; place < entry.length; place += 2) edges.push({ label: entry[place], target: state + entry[place + 1] });
    return edges;
  }

  /** The numbers of all columns in a state. @param {number} state */
  rowOf(state) {
    const way = [];
    for (let at = state; at >= 0; at = at === 0 ? -1 : this.document.states[at][LEADS]) way.push(at);
    const row = new Array(this.document.columns.length).fill(0);
    for (const at of way.reverse()) {
      const difference = this.document.differences[this.document.states[at][DIFFERENCE]];
      for (let place = 0; place < difference.length; place += 2) row[difference[place]] = difference[place + 1];
    }
    return row;
  }

  /** What is there in a state, as the world shows it. @param {number} state @returns {import("./walk.js").State} */
  stateOf(state) {
    const row = this.rowOf(state);
    const cells = new Map(), places = new Map();
    for (const [column, each] of this.document.columns.entries()) {
      if ("actor" in each) {
        const hasBegun = each.begins_with === null || row[column] !== 0 || row[each.begins_with] !== 0;
        if (hasBegun) places.set(each.actor, each.places[row[column]]);
      } else if (each.cell !== null && row[column] !== 0) {
        cells.set(each.cell, each.values[row[column]]);
      }
    }
    const views = new Map(this.document.views[this.document.states[state][VIEWS]]);
    return { cells, places, views };
  }

  /** For the verdicts that can still be given: how many orders lead there, and their share. @param {number} state */
  fateOf(state) {
    const fate = this.document.fates[this.document.states[state][FATE]];
    return this.document.verdicts
      .map((verdicts, place) => ({ verdicts, count: fate[1 + 2 * place], share: Number(fate[2 + 2 * place]) }))
      .filter(({ count }) => count !== 0);
  }

  /** The verdicts that nothing avoids any more. @param {number} state */
  decidedIn(state) {
    const left = this.fateOf(state).map(({ verdicts }) => verdicts);
    return (left[0] ?? []).filter((verdict) => verdict !== "ok" && left.every((each) => each.includes(verdict)));
  }

  /** The edge that is next on a shortest way to a failure; `null`: none is known. @param {number} state */
  nextToFailure(state) {
    const number = this.document.states[state][TO_FAILURE];
    return number < 0 ? null : this.edgesOf(state)[number];
  }

  /** How many edges leave a state that are not here. @param {number} state */
  leftOutOf(state) {
    return this.document.states[state][LEFT_OUT];
  }

  /** The outcome that a state is, by number; `null`: something follows. @param {number} state */
  endOf(state) {
    return this.document.ends[state] ?? null;
  }

  /** @param {number} label */
  told(label) {
    const [actor, operation, way, item] = this.document.labels[label];
    return { actor: this.reader.text(actor), operation: this.reader.text(operation), way: way === null ? "" : this.reader.text(way), item };
  }
}

/** @param {{page: ScenarioPage, reader: Reader}} props */
export function GraphWalk({ page, reader }) {
  const graphs = useMemo(() => page.graphs.map((each) => new Graph(each, reader)), [page, reader]);
  const [number, choose] = useState(0);
  const none = page.explorations.filter((each) => each.why_none !== null);
  return (
    <section id="walk" aria-labelledby="walk-title">
      <h2 id="walk-title">Walk all orders</h2>
      {graphs.length > 0 && <>
        <p>Time is left out here: whoever can take a step may be the next one. Choose who goes, and see what can still come of it.</p>
        <p class="choices"><label>Policy <select value={number} onChange={(event) => choose(Number(event.currentTarget.value))}>
          {graphs.map(({ document }, place) => <option key={place} value={place}>{named(document.policy)}{document.is_whole ? "" : ": around the witnesses"}</option>)}
        </select></label></p>
        <Walked key={number} page={page} reader={reader} graph={graphs[number]} />
      </>}
      {none.map((each) => <p class="note" key={each.policy.name}>Not under {named(each.policy)}: {each.why_none}.</p>)}
    </section>
  );
}

/** @param {{page: ScenarioPage, reader: Reader, graph: Graph}} props */
function Walked({ page, reader, graph }) {
  const [path, setPath] = useState(/** @type {Edge[]} */ ([]));
  const { document } = graph;
  const at = path.at(-1)?.target ?? 0;
  const from = path.length > 1 ? path[path.length - 2].target : path.length === 1 ? 0 : null;
  const state = useMemo(() => graph.stateOf(at), [graph, at]);
  const before = useMemo(() => (from === null ? null : graph.stateOf(from)), [graph, from]);
  const ever = useMemo(() => new Set(document.columns.flatMap((each) => ("cell" in each && each.cell !== null && Object.keys(each.values).length > 0 ? [each.cell] : []))), [document]);
  const edges = graph.edgesOf(at);
  const exploration = page.explorations.find((each) => each.policy.name === document.policy.name);
  const end = graph.endOf(at);
  const kinds = useMemo(() => document.columns.flatMap((each) => ("actor" in each && each.alike && / a$/.test(reader.text(each.actor)) ? [reader.text(each.actor)] : [])), [document]);
  const failure = graph.nextToFailure(at);

  const toFailure = () => {
    const found = [...path];
    for (let edge = graph.nextToFailure(at); edge !== null; edge = graph.nextToFailure(edge.target)) found.push(edge);
    setPath(found);
  };

  return (
    <div class="walked" data-state={at}>
      <p class="note">{document.is_whole
        ? `All ${document.states_total.toLocaleString("en")} states are here.`
        : `${document.states.length.toLocaleString("en")} of ${document.states_total.toLocaleString("en")} states are here: those on a shortest way to each outcome, and those one step beside it.`}</p>
      <div class="controls">
        <button type="button" onClick={() => setPath(path.slice(0, -1))} disabled={path.length === 0}>‹ back</button>
        <button type="button" onClick={() => setPath([])} disabled={path.length === 0}>« begin again</button>
        <button type="button" onClick={toFailure} disabled={failure === null} data-action="failure">take me to the shortest failure</button>
      </div>
      <p class="told" aria-live="polite">after {path.length} {path.length === 1 ? "step" : "steps"}{graph.decidedIn(at).length > 0 && <>, <b class="bad">{graph.decidedIn(at).map(verdictWords).join(", ")}</b> can no longer be avoided</>}. Still reachable:</p>
      <Fates fates={graph.fateOf(at)} />
      <p class="note">Percent: how probable it is if at each point every step that can be next is equally likely. It is neither the share of the orders, as many orders may be unlikely ones, nor how often it happens in production.{kinds.length > 0 && ` ${kinds.join(", ")}: any one of these; which one it is makes no difference.`}</p>
      <div class="panels">
        <div class="panel"><div class="inner">
          <div class="next">
            <h3>{end === null ? "Who goes next?" : "The end"}</h3>
            {end !== null && exploration && <Ended outcome={exploration.outcomes[end]} />}
            <ol class="options">
              {edges.map((edge, place) => <Choice key={place} graph={graph} edge={edge} at={at} onChoose={() => setPath([...path, edge])} />)}
            </ol>
            {graph.leftOutOf(at) > 0 && <p class="note">{graph.leftOutOf(at)} more steps are possible here that lead out of what is on this page.</p>}
            {path.length > 0 && <>
              <h3>How it came here</h3>
              <ol class="trail">{path.map((edge, place) => {
                const told = graph.told(edge.label);
                const source = place === 0 ? 0 : path[place - 1].target;
                const decides = graph.decidedIn(edge.target).filter((verdict) => !graph.decidedIn(source).includes(verdict));
                return (
                  <li key={place}><button type="button" class="plain" onClick={() => setPath(path.slice(0, place + 1))}>
                    <b>{told.operation}</b> {told.item !== null && `item ${told.item} `}{told.way && `[${told.way}] `}<span class="who">{told.actor}</span></button>
                    {decides.length > 0 && <span class="tag">decides {decides.map(verdictWords).join(", ")}</span>}</li>
                );
              })}</ol>
            </>}
          </div>
          <World reader={reader} cells={page.cells} state={state} before={before} next={new Set()} ever={ever} acting="" nextActing=""
            label={`The world after ${path.length} steps`} />
        </div></div>
      </div>
    </div>
  );
}

/** @param {{fates: {verdicts: string[], count: number | string, share: number}[]}} props */
function Fates({ fates }) {
  return (
    <ul class="fates">
      {fates.map(({ verdicts, count, share }) => (
        <li key={verdicts.join()}>
          <span><Verdicts verdicts={verdicts} /></span> <span class="share"><span class={isOk(verdicts) ? "good" : "bad"} style={{ width: `${Math.max(100 * share, 0.5)}%` }} /></span>
          {" "}<span class="chance">{percent(share)} <span class="note">{counted(count)} {count === 1 ? "order" : "orders"}</span></span>
        </li>
      ))}
    </ul>
  );
}

/** @param {{graph: Graph, edge: Edge, at: number, onChoose: () => void}} props */
function Choice({ graph, edge, at, onChoose }) {
  const { actor, operation, way, item } = graph.told(edge.label);
  const bad = graph.fateOf(edge.target).filter(({ verdicts }) => !isOk(verdicts)).reduce((sum, { share }) => sum + share, 0);
  const decides = graph.decidedIn(edge.target).filter((verdict) => !graph.decidedIn(at).includes(verdict));
  return (
    <li><button type="button" class="option" onClick={onChoose}>
      <span><b>{operation}</b> {item !== null && `item ${item} `}{way && `[${way}] `}<span class="who">{actor}</span></span>
      <span class="note">{decides.length > 0 ? <span class="tag">decides {decides.map(verdictWords).join(", ")}</span> : bad > 0 ? `then fails in ${percent(bad)}` : "then never fails"}</span>
    </button></li>
  );
}

/** @param {{outcome: import("./document").Outcome}} props */
function Ended({ outcome }) {
  return (
    <div class="ended"><p><Verdicts verdicts={outcome.verdicts} /></p>
      <dl>{outcome.in_words.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl></div>
  );
}
