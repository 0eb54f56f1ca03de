/** How likely: shares with their intervals; of a sweep curves and heat maps. */

import { useState } from "preact/hooks";
import { named, percent, verdictWords } from "./format.js";

/** @typedef {import("./document").LikelyCell} LikelyCell */
/** @typedef {import("./document").Likely} LikelyOf */

/** @param {{likely: LikelyOf, walks: import("./document").WalkEntry[]}} props */
export function Likely({ likely, walks }) {
  return (
    <section id="likely" aria-labelledby="likely-title">
      <h2 id="likely-title">How likely</h2>
      <p>{likely.runs.toLocaleString("en")} runs under each policy, with latencies drawn anew in each, and the same for all policies. The thin line is the 95 % interval.</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Share of each verdict">
        <table class="likely">
          <thead><tr><th scope="col">policy</th><th scope="col">verdict</th><th scope="col" class="wide">share of the runs</th><th scope="col">one of them</th></tr></thead>
          <tbody>{likely.cells.flatMap((cell) => Object.entries(cell.verdicts).map(([verdict, share], place) => (
            <tr key={cell.policy.name + verdict}>
              {place === 0 && <th scope="row" rowSpan={Object.keys(cell.verdicts).length}>{named(cell.policy)}</th>}
              <td><span class={`verdict ${verdict === "ok" ? "good" : "bad"}`}>{verdictWords(verdict)}</span></td>
              <td class="wide"><Bar share={share} isGood={verdict === "ok"} /></td>
              <td><One walks={walks} policy={cell.policy.name} run={share.first_run} /></td>
            </tr>
          )))}</tbody>
        </table>
      </div>
      <p class="command">See such a run: <code>{likely.run_command} --run N --policy NAME</code>; more runs, and how it depends on a latency: <code>{likely.command} --vary …</code></p>
    </section>
  );
}

/** A run with a verdict: a link to it, where it is on the page. @param {{walks: import("./document").WalkEntry[], policy: string, run: number | null}} props */
function One({ walks, policy, run }) {
  const walk = walks.find((each) => each.id === `${policy}@${run}`);
  if (walk) return <a class="one" href={`#policy=${encodeURIComponent(walk.id)}`}>step through run {run}</a>;
  return <code>--run {run}</code>;
}

/** @param {{share: import("./document").Share, isGood: boolean}} props */
function Bar({ share, isGood }) {
  const told = `${percent(share.share)}, between ${percent(share.low)} and ${percent(share.high)}`;
  return (
    <span class="interval" title={told}>
      <span class="track"><span class={`filled ${isGood ? "good" : "bad"}`} style={{ width: `${100 * share.share}%` }} />
        <span class="range" style={{ left: `${100 * share.low}%`, width: `${100 * (share.high - share.low)}%` }} /></span>
      <span class="value">{percent(share.share)}</span>
    </span>
  );
}

/** A sweep: a curve for each policy along one axis, a heat map over two, a table without any. @param {{page: import("./document").SweepPage}} props */
export function Sweep({ page }) {
  const [verdict, choose] = useState(page.failures[0] ?? "ok");
  const policies = [...new Map(page.cells.map((cell) => [cell.policy.name, cell.policy])).values()];
  return (
    <section id="likely" aria-labelledby="likely-title">
      <h2 id="likely-title">How likely</h2>
      {page.axes.length > 0 && <>
        <p class="choices"><label>Verdict <select value={verdict} onChange={(event) => choose(event.currentTarget.value)}>
          {[...page.failures, "ok"].map((each) => <option key={each} value={each}>{verdictWords(each)}</option>)}
        </select></label></p>
        {page.axes.length === 1 && <Curves page={page} policies={policies} verdict={verdict} />}
        {page.axes.length === 2 && policies.map((policy) => <HeatMap key={policy.name} page={page} policy={policy} verdict={verdict} />)}
      </>}
      <SweepTable page={page} />
      <p class="command">Again: <code>{page.command}</code>; a run of it: <code>{page.run_command} --run N</code></p>
    </section>
  );
}

const WIDE = 640, HIGH = 300, EDGE = 44;

/** @param {{page: import("./document").SweepPage, policies: import("./document").PolicyNames[], verdict: string}} props */
function Curves({ page, policies, verdict }) {
  const [axis] = page.axes;
  const [rested, rest] = useState("");
  const scaled = (/** @type {number} */ value) => (axis.is_log ? Math.log(value) : value);
  const numbers = axis.values.map((each) => scaled(each.number));
  const least = Math.min(...numbers), most = Math.max(...numbers);
  const x = (/** @type {number} */ place) => EDGE + ((WIDE - EDGE - 14) * (numbers[place] - least)) / Math.max(most - least, 1e-9);
  const y = (/** @type {number} */ share) => HIGH - 30 - (HIGH - 44) * share;
  const cellAt = (/** @type {string} */ policy, /** @type {string} */ text) => page.cells.find((cell) => cell.policy.name === policy && cell.point[axis.name] === text);
  return (
    <figure class="curves">
      <svg viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`Share of ${verdictWords(verdict)} along ${axis.name}; the numbers are in the table below`}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => <g key={share} class="axis"><line class="grid" x1={EDGE} x2={WIDE - 14} y1={y(share)} y2={y(share)} /><text x={EDGE - 6} y={y(share) + 4} text-anchor="end">{100 * share} %</text></g>)}
        <text class="axis" x={EDGE} y={HIGH - 8}>{axis.values[0].text}</text><text class="axis" x={WIDE - 14} y={HIGH - 8} text-anchor="end">{axis.values.at(-1)?.text}</text>
        <text class="axis" x={(EDGE + WIDE) / 2} y={HIGH - 8} text-anchor="middle">{axis.name}</text>
        {policies.map((policy, hue) => {
          const cells = axis.values.map((value) => cellAt(policy.name, value.text));
          const shares = cells.map((cell) => cell?.verdicts[verdict] ?? { share: 0, low: 0, high: 0, count: 0, first_run: null });
          const area = [...shares.map((each, place) => `${x(place)} ${y(each.high)}`), ...shares.map((each, place) => `${x(place)} ${y(each.low)}`).reverse()].join("L");
          return (
            <g key={policy.name} class={`hue-${hue % 6}`}>
              <path class="band" d={`M${area}Z`} /><path class="curve" d={`M${shares.map((each, place) => `${x(place)} ${y(each.share)}`).join("L")}`} />
              {shares.map((each, place) => <circle key={place} cx={x(place)} cy={y(each.share)} r={4}
                onPointerEnter={() => rest(`${named(policy)}, ${axis.name} ${axis.values[place].text}: ${percent(each.share)}, between ${percent(each.low)} and ${percent(each.high)}`)} />)}
            </g>
          );
        })}
      </svg>
      <figcaption>{rested || policies.map((policy, hue) => <span key={policy.name} class={`legend hue-${hue % 6}`}><span class="line" />{named(policy)}</span>)}</figcaption>
    </figure>
  );
}

/** @param {{page: import("./document").SweepPage, policy: import("./document").PolicyNames, verdict: string}} props */
function HeatMap({ page, policy, verdict }) {
  const [across, up] = page.axes;
  return (
    <figure class="heat">
      <figcaption>{named(policy)}: {verdictWords(verdict)}, in percent <span class="note">↑ {up.name}, → {across.name}</span></figcaption>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${named(policy)}: ${verdictWords(verdict)}`}>
        <table><tbody>
          {[...up.values].reverse().map((row) => <tr key={row.text}><th scope="row">{row.text}</th>
            {across.values.map((column) => {
              const cell = page.cells.find((each) => each.policy.name === policy.name && each.point[across.name] === column.text && each.point[up.name] === row.text);
              const share = cell?.verdicts[verdict];
              const value = share?.share ?? 0;
              return <td key={column.text} style={{ "--share": String(value) }} title={share ? `between ${percent(share.low)} and ${percent(share.high)}` : ""}><span>{Math.round(100 * value)}</span></td>;
            })}</tr>)}
          <tr><th scope="row">↑ →</th>{across.values.map((column) => <th key={column.text} scope="col">{column.text}</th>)}</tr>
        </tbody></table>
      </div>
    </figure>
  );
}

/** @param {{page: import("./document").SweepPage}} props */
function SweepTable({ page }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="All numbers"><table class="likely">
      <thead><tr>{page.axes.map((axis) => <th scope="col" key={axis.name}>{axis.name}</th>)}<th scope="col">policy</th><th scope="col">verdict</th><th scope="col" class="wide">share</th></tr></thead>
      <tbody>{page.cells.flatMap((cell) => Object.entries(cell.verdicts).map(([verdict, share]) => (
        <tr key={JSON.stringify([cell.point, cell.policy.name, verdict])}>{page.axes.map((axis) => <td key={axis.name}>{cell.point[axis.name]}</td>)}
          <th scope="row">{named(cell.policy)}</th><td>{verdictWords(verdict)}</td><td class="wide"><Bar share={share} isGood={verdict === "ok"} /></td></tr>
      )))}</tbody></table></div>
  );
}
