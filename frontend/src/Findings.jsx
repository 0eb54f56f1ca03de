/** Findings: a table of policies against faults that one filters; a verdict in it opens its witness in the stepper. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { Stepper, walksOf } from "./Stepper.jsx";
import { named, verdictWords } from "./format.js";
import { Reader } from "./tables.js";
import * as link from "./link.js";

/** @typedef {import("./document").FindingsPage} FindingsPage */
/** @typedef {import("./document").FindingsCell} FindingsCell */
/** @typedef {import("./document").WalkEntry} WalkEntry */
/** @typedef {{base: number, policy: number | null, fault: string, size: number | null, verdict: string}} Filter */

const POLICY = 0, BASE = 1, BUDGET = 2, KNOWN = 3, SAID = 4, FOUND = 5;
/** Which faults are in a budget, beside those that are named. */
const UP_TO_ONE = "up to one", PAIRS = "pairs", ALL = "all";

/** The witnesses of a verdict under a budget, whichever policy gives it. @param {FindingsPage} page @param {number} number @returns {WalkEntry[]} */
function besides(page, number) {
  const opened = page.witnesses[number];
  const seen = new Set();
  return page.witnesses
    .map((each, place) => ({ each, place }))
    .filter(({ each, place }) => place === number || (each.base === opened.base && each.budget === opened.budget && each.policy !== opened.policy
      && each.verdicts.some((verdict) => opened.verdicts.includes(verdict)) && !seen.has(each.policy) && seen.add(each.policy)))
    .sort((one, other) => Number(other.place === number) - Number(one.place === number))
    .map(({ each, place }) => ({
      id: `w${place + 1}`, kind: "finding", policy: page.policies[each.policy], verdicts: each.verdicts, title: each.title, explanation: [],
      command: each.command, like: null, race: null,
      walk: {
        actors: each.actors, begin: page.begins[each.begin], steps_total: each.steps.length, decisive: [],
        steps: each.steps.map((row, at) => {
          const [actor, operation, answer, way, cells, places, views] = page.rows[row];
          return [at + 1, actor, operation, answer, way, null, null, null, null, null, null, cells, places, views, 0];
        }),
      },
    }));
}

/** The witness that the address names. @param {FindingsPage} page */
function askedFor(page) {
  const number = Number(/^w(\d+)$/.exec(link.read().policy ?? "")?.[1]) - 1;
  return number in page.witnesses ? number : null;
}

/** @param {FindingsPage} page @returns {Filter} */
function beginning(page) {
  const found = link.read();
  /** @param {string} name @param {unknown[]} known */
  const place = (name, known) => (found[name] !== undefined && Number(found[name]) in known ? Number(found[name]) : null);
  return {
    base: place("base", page.bases) ?? 0,
    // A small screen has room for one policy: that which was asked for, or which all are held against.
    policy: "only" in found ? place("only", page.policies) : innerWidth < 700 ? (page.judged.length === 1 ? page.judged[0] : page.against) : null,
    fault: found.fault || UP_TO_ONE,
    size: place("size", page.sizes),
    verdict: found.verdict in page.verdicts ? found.verdict : "",
  };
}

/** @param {{page: FindingsPage}} props */
export function Findings({ page }) {
  const reader = useMemo(() => new Reader(page.tables), [page]);
  const [filter, setFilter] = useState(() => beginning(page));
  const [opened, open] = useState(() => askedFor(page));
  const entries = useMemo(() => (opened === null ? null : besides(page, opened)), [page, opened]);
  const stepped = useMemo(() => entries && { tables: page.tables, cells: page.cells, walks: entries }, [page, entries]);
  const walks = useMemo(() => stepped && walksOf(stepped, reader), [stepped, reader]);
  const hasOfOne = page.answers.some((each) => each.cells.some((cell) => cell[FOUND].some(([, , isOfOne]) => isOfOne)));
  useEffect(() => {
    link.write({ base: filter.base || null, only: filter.policy, fault: filter.fault === UP_TO_ONE ? null : filter.fault, size: filter.size, verdict: filter.verdict });
  }, [filter]);
  useEffect(() => {
    const again = () => {
      const number = askedFor(page);
      if (number !== null) open(number);
    };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, [page]);
  const show = (/** @type {number} */ number) => {
    link.write({ policy: `w${number + 1}`, step: null, with: null, by: null });
    open(number);
    requestAnimationFrame(() => document.getElementById("opened")?.scrollIntoView());
  };
  return (
    <>
      <section id="table" aria-labelledby="table-title">
        <h2 id="table-title">What can occur</h2>
        <Choices page={page} filter={filter} onChange={(part) => setFilter((before) => ({ ...before, ...part }))} />
        <Table page={page} filter={filter} opened={opened} onOpen={show} />
        <p class="note">A verdict is a button: it opens the shortest order of steps that gives it. Of a pair of faults only what neither gives alone.
          {" "}<b>proved</b>: every order was looked at, and no other verdict occurs; <i>sampled</i>: what is not listed may still occur.{hasOfOne && " ¹ only where there is one consumer."}</p>
      </section>
      {stepped && walks && entries
        ? <div key={opened}><Opened page={page} entry={entries[0]} /><Stepper page={stepped} reader={reader} walks={walks} /></div>
        : <section id="step" aria-labelledby="step-title"><h2 id="step-title">Step through it</h2><p class="note">Choose a verdict in the table.</p></section>}
    </>
  );
}

/** @param {{page: FindingsPage, entry: WalkEntry}} props */
function Opened({ page, entry }) {
  return (
    <section id="opened" aria-labelledby="opened-title">
      <h2 id="opened-title">{entry.verdicts.map(verdictWords).join(", ")} under {named(entry.policy)}</h2>
      <p>{entry.title}, in {entry.walk?.steps_total} steps. {entry.verdicts.map((each) => page.verdicts[each]).filter(Boolean).join(" ")}</p>
      <p class="command">All orders of it: <code>{entry.command}</code></p>
    </section>
  );
}

/** @param {{page: FindingsPage, filter: Filter, onChange: (part: Partial<Filter>) => void}} props */
function Choices({ page, filter, onChange }) {
  const faults = [...new Set(page.budgets.flat())];
  const hasPairs = page.budgets.some((each) => each.length > 1);
  const sizes = page.sizes.map(([base, told], place) => ({ base, told, place })).filter(({ base }) => base === filter.base);
  return (
    <div class="choices" role="group" aria-label="Which of the findings">
      {page.bases.length > 1 && <label>call <select name="call" value={filter.base} onChange={(event) => onChange({ base: Number(event.currentTarget.value), size: null })}>
        {page.bases.map((each, place) => <option key={each} value={place}>{each}</option>)}
      </select></label>}
      <label>policy <select name="policy" value={filter.policy ?? ""} onChange={(event) => onChange({ policy: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })}>
        <option value="">all {page.policies.length}</option>
        {page.policies.map((each, place) => <option key={each.name} value={place}>{named(each)}</option>)}
      </select></label>
      <label>faults <select name="faults" value={filter.fault} onChange={(event) => onChange({ fault: event.currentTarget.value })}>
        <option value={UP_TO_ONE}>none, and each once</option>
        {hasPairs && <><option value={PAIRS}>pairs of them</option><option value={ALL}>all of these</option></>}
        <optgroup label="with one that is named">{faults.map((each) => <option key={each} value={`with ${each}`}>{verdictWords(each)}</option>)}</optgroup>
      </select></label>
      {sizes.length > 1 && <label>size <select name="size" value={filter.size ?? ""} onChange={(event) => onChange({ size: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })}>
        <option value="">any</option>
        {sizes.map(({ told, place }) => <option key={place} value={place}>{told}</option>)}
      </select></label>}
      <label>verdict <select name="verdict" value={filter.verdict} onChange={(event) => onChange({ verdict: event.currentTarget.value })}>
        <option value="">any</option>
        {Object.keys(page.verdicts).map((each) => <option key={each} value={each}>{verdictWords(each)}</option>)}
      </select></label>
    </div>
  );
}

/** @param {string[]} budget @param {string} fault */
function isAsked(budget, fault) {
  if (fault.startsWith("with ")) return budget.includes(fault.slice(5));
  return fault === ALL || (budget.length > 1) === (fault === PAIRS);
}

/** @param {{page: FindingsPage, filter: Filter, opened: number | null, onOpen: (witness: number) => void}} props */
function Table({ page, filter, opened, onOpen }) {
  const answers = page.answers.find((each) => each.size === filter.size) ?? page.answers[0];
  // First those that were asked for: on a small screen the others are out of sight.
  const order = [...page.judged, ...page.policies.map((_, place) => place).filter((place) => !page.judged.includes(place))];
  const policies = order.map((place) => ({ each: page.policies[place], place })).filter(({ place }) => filter.policy === null || place === filter.policy);
  const has = (/** @type {FindingsCell} */ cell) => !filter.verdict || cell[FOUND].some(([verdict]) => verdict === filter.verdict);
  const cells = answers.cells.filter((cell) => cell[BASE] === filter.base && isAsked(page.budgets[cell[BUDGET]], filter.fault)
    && policies.some(({ place }) => place === cell[POLICY]));
  const budgets = page.budgets.map((_, place) => place).filter((place) => cells.some((cell) => cell[BUDGET] === place && has(cell)));
  if (!budgets.length) return <p class="told" aria-live="polite">Nothing of that was found, or looked at.</p>;
  return (
    <>
      <p class="note" aria-live="polite">{budgets.length} {budgets.length === 1 ? "row" : "rows"} of faults, {policies.length} {policies.length === 1 ? "policy" : "policies"}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Verdicts by faults and policy">
        <table class={`matrix${policies.length === 1 ? " single" : ""}`}>
          <thead><tr><th scope="col">faults</th>{policies.map(({ each, place }) => (
            <th scope="col" key={place} title={each.summary}><b>{each.name}</b>{each.gloss && <span class="gloss">{each.gloss}</span>}</th>))}</tr></thead>
          <tbody>{budgets.map((budget) => (
            <tr key={budget}><th scope="row">{page.budgets[budget].map(verdictWords).join(" + ") || "none"}</th>
              {policies.map(({ place }) => {
                const cell = cells.find((each) => each[BUDGET] === budget && each[POLICY] === place);
                return cell ? <Cell key={place} page={page} cell={cell} verdict={filter.verdict} opened={opened} onOpen={onOpen} /> : <td key={place} class="note">not looked at</td>;
              })}</tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}

/** @param {{page: FindingsPage, cell: FindingsCell, verdict: string, opened: number | null, onOpen: (witness: number) => void}} props */
function Cell({ page, cell, verdict, opened, onOpen }) {
  const kind = cell[FOUND].length ? "fails" : { proved: "closed", sampled: "unsure", "cannot happen": "never" }[cell[KNOWN]];
  const under = `${named(page.policies[cell[POLICY]])}, ${page.budgets[cell[BUDGET]].join(" + ") || "no fault"}`;
  return (
    <td class={kind}>
      {cell[FOUND].map(([each, witness, isOfOne]) => (
        <button type="button" key={each} class={`found${verdict && each !== verdict ? " faint" : ""}`} disabled={witness === null}
          aria-pressed={witness !== null && witness === opened} aria-label={`${verdictWords(each)}${isOfOne ? ", only with one consumer" : ""}: ${under}`}
          title={page.verdicts[each]} onClick={() => witness !== null && onOpen(witness)}>
          {verdictWords(each)}{isOfOne ? "¹" : ""}
        </button>
      ))}
      {cell[SAID] && <span class="said">{cell[SAID]}</span>}
      {cell[FOUND].length > 0 && cell[KNOWN] === "proved" && <span class="said">no other, proved</span>}
    </td>
  );
}
