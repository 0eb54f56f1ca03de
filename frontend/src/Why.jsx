/** Why: the explanation of a run, the two chains that raced, the reasons, and the window with its sliders. */

import { useState } from "preact/hooks";
import { duration, named, verdictWords } from "./format.js";
import { Name } from "./Name.jsx";
import { Verdicts } from "./Stepper.jsx";

/** @typedef {import("./document").ScenarioPage} ScenarioPage */
/** @typedef {import("./document").WindowEntry} WindowEntry */
/** @typedef {import("./document").Race} RaceOf */

/** @param {{page: ScenarioPage}} props */
export function Why({ page }) {
  const runs = page.walks.filter((each) => each.kind === "run" && (each.explanation.length > 0 || each.race));
  const told = runs.filter((each) => each.like === null);
  /** @type {Map<string, WindowEntry[]>} those that are the same for several policies, together */
  const windows = new Map();
  for (const each of page.windows.filter(({ numbers }) => numbers)) {
    const key = JSON.stringify([each.verdict, each.numbers]);
    windows.set(key, [...(windows.get(key) ?? []), each]);
  }
  return (
    <section id="why" aria-labelledby="why-title">
      <h2 id="why-title">Why</h2>
      {told.map((each) => {
        const key = JSON.stringify(each.race);
        const first = told.find((other) => JSON.stringify(other.race) === key);
        const alike = runs.filter((other) => other.like === each.id).map((other) => named(other.policy));
        return (
          <article key={each.id} class="explanation">
            <h3>{[named(each.policy), ...alike].join(", ")} <Verdicts verdicts={each.verdicts} /></h3>
            {each.explanation.length > 0 && <ol class="sentences">{each.explanation.map((line, place) => <li key={place}>{line}</li>)}</ol>}
            {each.race && first === each && <Race race={each.race} policy={each.id} />}
            {each.race && first && first !== each && <p>The same race as under {named(first.policy)}, {each.race.is_won ? "won" : "lost"} by {duration(Math.abs(each.race.margin_us))}.</p>}
          </article>
        );
      })}
      <Reasons page={page} />
      {[...windows.values()].map((alike) => <Window key={`${alike[0].policy.name} ${alike[0].verdict}`} entry={alike[0]} policies={alike.map((each) => named(each.policy))} page={page} />)}
      {windows.size === 0 && page.windows.map((each) => (
        <p class="note" key={each.policy.name + each.verdict}>No window of {verdictWords(each.verdict)} under {named(each.policy)}: {each.why_none}.</p>
      ))}
    </section>
  );
}

/** Two chains as bars against each other. @param {{race: RaceOf, policy: string}} props */
function Race({ race, policy }) {
  const longest = Math.max(...race.sides.map((side) => side.spans.reduce((sum, [, , , us]) => sum + us, 0)), 1);
  const parts = race.sides.flatMap((side) => [side.actor, ...side.spans.map(([actor]) => actor)]).filter((actor) => /\.\d+$/.test(actor));
  return (
    <figure class="race">
      <figcaption>Since {race.since}, two chains race; the upper one ought to be first.
        {" "}<b class={race.is_won ? "good" : "bad"}>{race.is_won ? "Won" : "Lost"} by {duration(Math.abs(race.margin_us))}.</b></figcaption>
      {parts.length > 0 && <p class="note">{parts[0]} is a part of {parts[0].split(".")[0]}, which does several things at the same time, each under a number after the dot.</p>}
      {race.sides.map((side, number) => {
        const total = side.spans.reduce((sum, [, , , us]) => sum + us, 0);
        return (
          <div class="chain" key={number}>
            <p>to <a href={`#step=${side.step}&policy=${encodeURIComponent(policy)}`}>{side.operation}</a> ({side.actor}): <b>{duration(total)}</b></p>
            <Bar parts={side.spans.map(([actor, operation, part, us]) => ({ name: operation, us, hint: `${operation}${part ? ` (${part})` : ""} by ${actor}: ${duration(us)}` }))} longest={longest} />
          </div>
        );
      })}
    </figure>
  );
}

/** @param {{parts: {name: string, us: number, hint: string}[], longest: number}} props */
function Bar({ parts, longest }) {
  return (
    <>
      <div class="bar">
        {parts.map(({ name, us, hint }, place) => (
          <span key={place} class={`part shade-${place % 2}`} style={{ width: `${(100 * us) / longest}%` }} title={hint}>
            {us / longest > 0.1 ? <span>{name}</span> : null}
          </span>
        ))}
      </div>
      <ul class="parts">{parts.map(({ hint }, place) => <li key={place}>{hint}</li>)}</ul>
    </>
  );
}

/** @param {{page: ScenarioPage}} props */
function Reasons({ page }) {
  const explored = page.explorations.filter((each) => each.why_none === null && each.reasons.length > 0);
  /** @type {Map<string, {policies: string[], reasons: import("./document").Exploration["reasons"], decisive: import("./document").Exploration["decisive"]}>} */
  const alike = new Map();
  for (const each of explored) {
    const key = JSON.stringify(each.reasons);
    const found = alike.get(key) ?? { policies: [], reasons: each.reasons, decisive: each.decisive };
    alike.set(key, found);
    found.policies.push(named(each.policy));
  }
  return (
    <>
      {[...alike.values()].map(({ policies, reasons, decisive }) => (
        <article class="reasons" key={policies.join()}>
          <h3>Among all orders of steps, under {policies.join(", ")}</h3>
          {reasons.map(({ verdict, constraints }) => (
            <div key={verdict}>
              {constraints === null && <p>No set of up to four order constraints tells the orders with {verdictWords(verdict)} from the rest.</p>}
              {constraints !== null && constraints.length === 0 && <p>Every order gives <b>{verdictWords(verdict)}</b>.</p>}
              {constraints !== null && constraints.length > 0 && <>
                <p>An order gives <b>{verdictWords(verdict)}</b> exactly if</p>
                <ul>{constraints.map(([earlier, later]) => <li key={earlier + later}><code>{earlier}</code>{later ? <> comes before <code>{later}</code></> : " takes place"}</li>)}</ul>
              </>}
              {decisive.some((each) => each.verdict === verdict) && <>
                <p>Nothing avoids it any more once</p>
                <ul>{decisive.filter((each) => each.verdict === verdict).slice(0, 5).map((each, place) => (
                  <li key={place}><code>{each.operation}</code> ({each.actor}) {each.way ? `turns out as [${each.way}]` : "takes effect"}{each.overtook.length > 0 && <> before <code>{each.overtook.join(" and ")}</code></>}</li>
                ))}</ul>
              </>}
            </div>
          ))}
        </article>
      ))}
    </>
  );
}

/** @param {import("./document").Sum[]} sums @param {number[]} values */
const largest = (sums, values) => Math.max(...sums.map((sum) => sum.reduce((total, [latency, count]) => total + count * values[latency], 0)));

/** By how much a window is open (us); negative: it is closed. @param {import("./document").Condition[][]} cases @param {number[]} values */
export function slackOf(cases, values) {
  const slacks = cases.map((conditions) => {
    let least = Infinity;
    for (const each of conditions) {
      const slack = largest(each.right, values) - largest(each.left, values);
      if (slack !== 0 || !each.equality) least = Math.min(least, slack);
    }
    return least === Infinity ? 1 : least;
  });
  return Math.max(...slacks);
}

const CONDITIONS_MAX = 3;

/**
 * The conditions that all have to hold; of many first those that are nearest to failing.
 * @param {{conditions: import("./document").Condition[], means: number[], values: number[], latencies: import("./document").Latency[]}} props
 */
function Conditions({ conditions, means, values, latencies }) {
  const told = (/** @type {import("./document").Condition} */ each) => {
    const sides = /** @type {const} */ ([[each.later, each.right], [each.earlier, each.left]]);
    const most = Math.max(largest(each.left, values), largest(each.right, values), 1);
    return (
      <div key={each.formula} class="condition">
        <p class="formula"><code>{each.formula}</code></p>
        {each.same && <p class="note">{each.earlier} before {each.later}: both sides are the same latencies in two uses, so which use takes less is left to chance, and no slider decides it.</p>}
        {!each.same && sides.map(([step, sums]) => (
          <div class="chain" key={step}><p>to {step}: <b>{duration(largest(sums, values))}</b></p>
            <Bar longest={most} parts={partsOf(sums, values, latencies)} /></div>
        ))}
      </div>
    );
  };
  if (conditions.length <= CONDITIONS_MAX) return <>{conditions.map(told)}</>;
  const slack = (/** @type {import("./document").Condition} */ each) => largest(each.right, means) - largest(each.left, means);
  const sorted = [...conditions].sort((one, other) => slack(one) - slack(other));
  return (
    <>
      {sorted.slice(0, CONDITIONS_MAX).map(told)}
      <details><summary>and {conditions.length - CONDITIONS_MAX} more conditions, which hold by more with the means</summary>{sorted.slice(CONDITIONS_MAX).map(told)}</details>
    </>
  );
}

/** @param {{entry: WindowEntry, policies: string[], page: ScenarioPage}} props */
function Window({ entry, policies, page }) {
  const numbers = /** @type {NonNullable<WindowEntry["numbers"]>} */ (entry.numbers);
  const means = numbers.latencies.map((each) => each.mean_us);
  const [values, setValues] = useState(means);
  const [isAll, showAll] = useState(false);
  const slack = slackOf(numbers.cases, values);
  const says = slack === 0 ? "either" : slack > 0 ? "open" : "closed";
  const moved = numbers.latencies.map((each, place) => ({ ...each, place })).sort((a, b) => (b.max_us - b.min_us) - (a.max_us - a.min_us));
  const shown = isAll ? moved : moved.slice(0, 5);
  const words = verdictWords(entry.verdict);
  const command = commandOf(page, entry, values);
  const id = `${entry.policy.name}-${entry.verdict}`;
  const body = (
    <>
      {numbers.cases.map((conditions, number) => (
        <div key={number} class="case">
          {number > 0 && <p class="note">or if</p>}
          <Conditions conditions={conditions} means={means} values={values} latencies={numbers.latencies} />
        </div>
      ))}
      <p class="says" aria-live="polite" data-says={says}>
        {says === "either" ? <>Two steps fall on one instant: <b>either may come first</b>.</>
          : <>With these latencies: <b class={says === "open" ? "bad" : "good"}>{says === "open" ? words : `no ${words}`}</b>, by {duration(Math.abs(slack))}.</>}
      </p>
      <div class="sliders">
        {shown.map(({ name, place, mean_us, min_us, max_us }) => (
          <label key={name} class="slider">
            <span class="name"><Name name={name} /></span>
            <input type="range" min={Math.min(min_us, 0)} max={Math.max(max_us * 1.5, mean_us * 2, 1000)} step={Math.max(1, Math.round(Math.max(max_us, mean_us) / 500))} value={values[place]}
              onInput={(event) => setValues(values.map((value, at) => (at === place ? Number(event.currentTarget.value) : value)))} />
            <output class={values[place] < min_us || values[place] > max_us ? "beyond" : ""}>{duration(values[place])}</output>
            <span class="note">{duration(min_us)} … {duration(max_us)}{values[place] < min_us || values[place] > max_us ? ", beyond that now" : ""}</span>
          </label>
        ))}
      </div>
      <p class="controls">
        {moved.length > 5 && <button type="button" onClick={() => showAll(!isAll)}>{isAll ? "the widest five only" : `all ${moved.length} latencies`}</button>}
        <button type="button" onClick={() => setValues(means)} disabled={values.every((value, place) => value === means[place])}>back to the means</button>
      </p>
      <p class="note">This is the formula, evaluated; each latency is the same in all its uses. The lanes above stay those of the run with its own latencies.
        {entry.window && <> It was held against {entry.window.tried.toLocaleString("en")} runs within the intervals, {entry.window.failed.toLocaleString("en")} of them with the verdict; none contradicts it.</>}</p>
      {command && <details class="command"><summary>run it with these latencies</summary><code>{command}</code></details>}
    </>
  );
  return (
    <article class="window" data-window={id} data-slack={slack}>
      <h3>When, in time: {words} under {policies.join(", ")}</h3>
      {numbers.is_within ? body : <details><summary>Within the intervals of the scenario it is never given. Beyond them it is, for example, if …</summary>{body}</details>}
    </article>
  );
}

/** The parts of the largest sum. @param {import("./document").Sum[]} sums @param {number[]} values @param {import("./document").Latency[]} latencies */
function partsOf(sums, values, latencies) {
  const most = largest(sums, values);
  const sum = sums.find((each) => largest([each], values) === most) ?? [];
  return sum.map(([latency, count]) => {
    const us = count * values[latency], name = latencies[latency].name;
    return { name: latencies[latency].operation, us, hint: `${count > 1 ? `${count} × ` : ""}${name}: ${duration(us)}` };
  });
}

/** The command that runs the scenario with these latencies; empty where one has no option. @param {ScenarioPage} page @param {WindowEntry} entry @param {number[]} values */
function commandOf(page, entry, values) {
  const latencies = entry.numbers?.latencies ?? [];
  if (latencies.some((each) => each.item !== null || /#\d/.test(each.name))) return "";
  /** @type {Map<string, {request: number, response: number}>} */
  const legs = new Map();
  for (const [place, each] of latencies.entries()) {
    const found = legs.get(each.operation) ?? { request: 0, response: 0 };
    legs.set(each.operation, { ...found, [each.part]: values[place] });
  }
  const options = [...legs].map(([operation, { request, response }]) => `--set 'latency.operations.${operation}={request: ${request} us, response: ${response} us}'`);
  return `${page.command} --policy ${entry.policy.name} ${options.join(" ")}`;
}
