/** The stepper: a run step by step, with the world beside it; a second one beside it, moving together. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Timeline } from "./Timeline.jsx";
import { Steps } from "./Steps.jsx";
import { World } from "./World.jsx";
import { isOk, named, verdictWords, instant } from "./format.js";
import { ACTOR, AT, CELLS, firstDifference, follow, Walk } from "./walk.js";
import * as link from "./link.js";

/** @typedef {import("./document").Stepped} Stepped */
/** @typedef {import("./tables.js").Reader} Reader */

/** All walks of a page by their names; runs that go alike are one. @param {Stepped} page @param {Reader} reader */
export function walksOf(page, reader) {
  /** @type {Map<string, Walk>} */
  const walks = new Map();
  for (const entry of page.walks) {
    const walk = entry.walk ?? page.walks.find((each) => each.id === entry.like)?.walk;
    if (walk) walks.set(entry.id, new Walk(entry, walk, reader));
  }
  return walks;
}

/** @typedef {{policy: string, step: number, with: string | null, by: string}} Shown */

/** What the address asks for, as far as it is there; otherwise what the page opens with. @param {Map<string, Walk>} walks @param {Stepped} page @returns {Shown} */
function asked(walks, page) {
  const found = link.read();
  const names = [...walks.keys()];
  const policy = walks.has(found.policy) ? found.policy : page.opens ?? names[0];
  const walk = /** @type {Walk} */ (walks.get(policy));
  const wanted = Number.parseInt(found.step ?? "", 10);
  const race = walk.entry.race?.sides.map((side) => side.step) ?? [];
  const opening = race.length ? Math.min(...race) : walk.walk.decisive[0] ?? 0;
  return {
    policy,
    step: Number.isFinite(wanted) ? walk.positionOf(wanted) : walk.positionOf(opening),
    with: walks.has(found.with) ? found.with : null,
    // A small screen has no room for a scale.
    by: found.by ?? (innerWidth < 700 ? "step" : "time"),
  };
}

/** @param {{page: Stepped, reader: Reader, walks: Map<string, Walk>}} props */
export function Stepper({ page, reader, walks }) {
  const [shown, setShown] = useState(() => asked(walks, page));
  const [hasArrows, setArrows] = useState(false);
  const [isPlaying, play] = useState(false);
  const [width, frame] = useWidth();
  const walk = /** @type {Walk} */ (walks.get(shown.policy));
  const other = shown.with === null ? null : walks.get(shown.with) ?? null;
  const difference = useMemo(() => (other ? firstDifference(walk, other) : null), [walk, other]);
  const position = Math.min(shown.step, walk.positions - 1);
  const beside = other ? follow(walk, other, position) : 0;
  const byStep = shown.by === "step" || !walk.isTimed;

  const change = (/** @type {Partial<Shown>} */ part) => setShown((before) => ({ ...before, ...part }));
  const move = (/** @type {number} */ to) => change({ step: Math.max(0, Math.min(to, walk.positions - 1)) });

  useLayoutEffect(() => {
    link.write({ step: walk.numberAt(position), policy: shown.policy, with: shown.with, by: shown.by });
  }, [position, shown.policy, shown.with, shown.by]);

  useEffect(() => {
    const again = () => {
      // A link to a part of the page is none to a step.
      if (!link.read().policy) return;
      setShown(asked(walks, page));
      document.getElementById("step")?.scrollIntoView();
    };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, [walks, page]);

  useEffect(() => {
    if (!isPlaying) return;
    if (position >= walk.positions - 1) return play(false);
    const timer = setTimeout(() => move(position + 1), 700);
    return () => clearTimeout(timer);
  }, [isPlaying, position, walk]);

  const decisive = walk.walk.decisive.map((number) => walk.positionOf(number));
  const following = decisive.find((each) => each > position);
  const previous = decisive.findLast((each) => each < position);

  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.target instanceof HTMLSelectElement || event.target instanceof HTMLInputElement || event.altKey || event.ctrlKey || event.metaKey) return;
    const length = event.shiftKey ? 10 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => move(position + length),
      ArrowDown: () => move(position + length),
      ArrowLeft: () => move(position - length),
      ArrowUp: () => move(position - length),
      PageDown: () => move(position + 10),
      PageUp: () => move(position - 10),
      Home: () => move(0),
      End: () => move(walk.positions - 1),
      n: () => following !== undefined && move(following),
      p: () => previous !== undefined && move(previous),
      d: () => difference !== null && move(difference),
    };
    const action = keys[event.key];
    if (!action) return;
    action();
    event.preventDefault();
  };

  // Where nothing has the focus, as after the page is opened, those that scroll it go on scrolling it.
  useEffect(() => {
    const anywhere = (/** @type {KeyboardEvent} */ event) => {
      if (event.target === document.body && ["ArrowRight", "ArrowLeft", "n", "p", "d"].includes(event.key)) key(event);
    };
    addEventListener("keydown", anywhere);
    return () => removeEventListener("keydown", anywhere);
  });

  const row = walk.rowAt(position);
  return (
    <section id="step" class="stepper" aria-labelledby="step-title" tabIndex={-1} onKeyDown={key}>
      <h2 id="step-title">Step through it</h2>
      <div class="choices">
        <WalkChoice label="Show" page={page} value={shown.policy} onChange={(policy) => {
          const next = /** @type {Walk} */ (walks.get(policy));
          change({ policy, step: next.positionOf(walk.numberAt(position)), with: shown.with === policy ? null : shown.with });
        }} />
        <WalkChoice label="beside" page={page} value={shown.with ?? ""} without={shown.policy} onChange={(name) => change({ with: name || null })} />
        {walk.isTimed && (
          <label>across <select class="short" value={shown.by} onChange={(event) => change({ by: event.currentTarget.value })}>
            <option value="time">time, to scale</option>
            <option value="step">steps</option>
          </select></label>
        )}
        <label class="check"><input type="checkbox" checked={hasArrows} onChange={(event) => setArrows(event.currentTarget.checked)} /> arrows from cause to effect</label>
      </div>
      <div class="lanes" ref={frame}>
        {width > 0 && <>
          {other && <p class="caption">{named(walk.entry.policy)}, {walk.entry.title}: <Verdicts verdicts={walk.entry.verdicts} /></p>}
          <Timeline walk={walk} position={position} onMove={move} width={width} byStep={byStep} arrows={hasArrows} difference={difference}
            label={`Lanes of ${named(walk.entry.policy)}; the steps are in the list below`} />
          {other && <>
            <p class="caption">{named(other.entry.policy)}, {other.entry.title}: <Verdicts verdicts={other.entry.verdicts} /></p>
            <Timeline walk={other} position={beside} width={width} byStep={byStep || !other.isTimed} arrows={hasArrows} difference={difference}
              onMove={(to) => move(difference !== null && to >= difference && walk.isTimed && other.isTimed ? walk.positionAt(other.rowAt(to)?.[AT] ?? 0) : to)}
              label={`Lanes of ${named(other.entry.policy)}; the steps are in the list below`} />
          </>}
          <Legend isTimed={!byStep} hasDecisive={decisive.length > 0} />
        </>}
      </div>
      <div class="controls moves" role="group" aria-label="Move through the steps">
        <button type="button" onClick={() => move(0)} aria-label="To the beginning" title="Home">«</button>
        <button type="button" onClick={() => move(position - 1)} aria-label="One step back" title="Left arrow">‹</button>
        <button type="button" onClick={() => play(!isPlaying)} class="play">{isPlaying ? "stop" : "play"}</button>
        <button type="button" onClick={() => move(position + 1)} aria-label="One step on" title="Right arrow">›</button>
        <button type="button" onClick={() => move(walk.positions - 1)} aria-label="To the end" title="End">»</button>
        <input type="range" min={0} max={walk.positions - 1} value={position} aria-label="Step"
          aria-valuetext={`step ${walk.numberAt(position)} of ${walk.walk.steps_total}`}
          onInput={(event) => move(Number(event.currentTarget.value))} />
      </div>
      {(decisive.length > 0 || difference !== null) && <div class="controls jumps" role="group" aria-label="Jump">
        {decisive.length > 0 && <>
          <button type="button" disabled={previous === undefined} onClick={() => previous !== undefined && move(previous)} title="p">◆ previous</button>
          <button type="button" disabled={following === undefined} onClick={() => following !== undefined && move(following)} title="n">next decisive ◆</button>
        </>}
        {difference !== null && <button type="button" onClick={() => move(difference)} title="d">first difference</button>}
      </div>}
      <p class="told" aria-live="polite">
        <span class="of">step {walk.numberAt(position)} of {walk.walk.steps_total}{row && row[AT] !== null ? `, ${instant(row[AT])}` : ""}</span>
        {" "}<b>{walk.told(row)}</b>
        {row && walk.decisive.has(walk.numberAt(position)) && <span class="tag">decisive</span>}
      </p>
      {other && difference === null && <p class="note">Both go alike, step for step.</p>}
      <div class={other ? "panels two" : "panels"}>
        <Panel page={page} reader={reader} walk={walk} position={position} onMove={move} difference={difference} id="one"
          other={other ? other.stateAt(beside) : null} hasName={other !== null} />
        {other && <Panel page={page} reader={reader} walk={other} position={beside} difference={difference} id="two"
          other={walk.stateAt(position)} hasName onMove={(to) => move(to)} />}
      </div>
      <p class="note keys">Keys: <kbd>←</kbd> <kbd>→</kbd> a step, with <kbd>Shift</kbd> ten; <kbd>Home</kbd> <kbd>End</kbd>;
        {decisive.length > 0 && <>{" "}<kbd>n</kbd> <kbd>p</kbd> the next and the previous decisive step;</>}
        {difference !== null && <>{" "}<kbd>d</kbd> the first difference;</>} the address of this page is a link to this step.</p>
    </section>
  );
}

/**
 * @param {{page: Stepped, reader: Reader, walk: Walk, position: number, onMove: (position: number) => void,
 *   difference: number | null, id: string, other: import("./walk.js").State | null, hasName: boolean}} props
 */
function Panel({ page, reader, walk, position, onMove, difference, id, other, hasName }) {
  const state = useMemo(() => walk.stateAt(position), [walk, position]);
  const before = useMemo(() => (position > 0 ? walk.stateAt(position - 1) : null), [walk, position]);
  const row = walk.rowAt(position), following = walk.rowAt(position + 1);
  const nameOf = (/** @type {import("./document").Row | undefined} */ each) => reader.text(each?.[ACTOR] ?? null).split(".")[0];
  const name = named(walk.entry.policy);
  return (
    <div class="panel" data-panel={id}>
      {hasName && <h3>{name} <span class="note">step {walk.numberAt(position)}</span></h3>}
      <div class="inner">
        <Steps walk={walk} position={position} onMove={onMove} difference={difference} id={`${id}-step`} label={`Steps of ${name}`} />
        <World reader={reader} cells={page.cells} state={state} before={before} ever={walk.cellsEver} other={other}
          next={new Set(following?.[CELLS].map(([cell]) => cell) ?? [])} acting={nameOf(row)} nextActing={nameOf(following)}
          label={`The world after step ${walk.numberAt(position)} of ${name}`} />
      </div>
    </div>
  );
}

/** @param {{label: string, page: Stepped, value: string, without?: string, onChange: (id: string) => void}} props */
function WalkChoice({ label, page, value, without, onChange }) {
  const told = (/** @type {import("./document").WalkEntry} */ each) => `${named(each.policy)}${each.kind === "run" ? "" : each.kind === "witness" ? `, outcome ${each.id.split("~").at(-1)}` : `, ${each.title}`}: ${each.verdicts.map(verdictWords).join(", ")}`;
  const option = (/** @type {import("./document").WalkEntry} */ each) => (each.id === without ? null : <option key={each.id} value={each.id}>{told(each)}</option>);
  const runs = page.walks.filter((each) => each.kind === "run");
  const examples = page.walks.filter((each) => each.kind === "example");
  const witnesses = page.walks.filter((each) => each.kind === "witness" || each.kind === "finding");
  return (
    <label>{label} <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {without !== undefined && <option value="">nothing</option>}
      {runs.length > 0 && <optgroup label="Simulated, with this seed">{runs.map(option)}</optgroup>}
      {examples.length > 0 && <optgroup label={runs.length > 0 ? "Other runs, with latencies drawn anew" : "A run of each outcome"}>{examples.map(option)}</optgroup>}
      {witnesses.length > 0 && <optgroup label="Shortest order of steps to each outcome">{witnesses.map(option)}</optgroup>}
    </select></label>
  );
}

/** @param {{verdicts: string[]}} props */
export function Verdicts({ verdicts }) {
  return <span class={`verdict ${isOk(verdicts) ? "good" : "bad"}`}>{isOk(verdicts) ? "✓" : "✗"} {verdicts.map(verdictWords).join(", ")}</span>;
}

/** @param {{isTimed: boolean, hasDecisive: boolean}} props */
function Legend({ isTimed, hasDecisive }) {
  return (
    <p class="legend note">
      {isTimed && <><span><span class="key request" /> on its way to the store</span> <span><span class="key response" /> on its way back</span> <span><span class="key wait" /> waits</span></>}
      {" "}<span><span class="key effect" /> takes effect</span>
      {hasDecisive && <>{" "}<span><span class="key diamond">◆</span> decides</span></>}
      {isTimed && <>{" "}<span><span class="key torn" /> torn strip: so much time is left out</span></>}
    </p>
  );
}

/** The width of an element, as it changes. @returns {[number, import("preact").RefObject<HTMLDivElement>]} */
export function useWidth() {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [width, setWidth] = useState(0);
  // At once, and not with the first look of the observer: a page may be printed before that.
  useLayoutEffect(() => {
    if (element.current) setWidth(element.current.clientWidth);
  }, []);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [width, element];
}
