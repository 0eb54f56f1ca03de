/** The steps as a list: only those rows that are seen are there. */

import { useEffect, useRef, useState } from "preact/hooks";
import { duration } from "./format.js";
import { ACTOR, ANSWER, AT, LEFT_OUT, NUMBER, OPERATION, WAY } from "./walk.js";

/** @typedef {import("./walk.js").Walk} Walk */

const HEIGHT = 44;
const BEYOND = 8;
/** So many steps are printed whole; of more only those around the one that is shown. */
const PRINTED_MAX = 300;

/** @param {{walk: Walk, position: number, onMove: (position: number) => void, difference: number | null, id: string, label: string}} props */
export function Steps({ walk, position, onMove, difference, id, label }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [top, setTop] = useState(0);
  const seen = box.current?.clientHeight || 520;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const at = position * HEIGHT;
    if (at < element.scrollTop + HEIGHT || at > element.scrollTop + element.clientHeight - 2 * HEIGHT) {
      element.scrollTop = at - element.clientHeight / 2;
    }
    setTop(element.scrollTop);
  }, [position, walk]);
  const isWhole = useIsPrinted() && walk.positions <= PRINTED_MAX;
  const first = isWhole ? 0 : Math.max(Math.floor(top / HEIGHT) - BEYOND, 0);
  const last = isWhole ? walk.positions - 1 : Math.min(first + Math.ceil(seen / HEIGHT) + 2 * BEYOND, walk.positions - 1);
  const shown = Array.from({ length: Math.max(last - first + 1, 0) }, (_, place) => first + place);
  if (position < first || position > last) shown.push(position);
  return (
    <div class="steps" ref={box} role="listbox" tabIndex={0} aria-label={label} aria-activedescendant={`${id}-${position}`}
      onScroll={(event) => setTop(/** @type {HTMLElement} */ (event.currentTarget).scrollTop)}>
      <div class="all" style={{ height: `${walk.positions * HEIGHT}px` }} role="presentation">
        {shown.map((at) => (
          <Step key={at} walk={walk} at={at} isNow={at === position} isDifference={at === difference} id={`${id}-${at}`} onMove={onMove} />
        ))}
      </div>
      {walk.positions > PRINTED_MAX && <p class="note printed">Printed: the steps around the one that is shown, of {walk.walk.steps_total.toLocaleString("en")}.</p>}
    </div>
  );
}

/** Whether the page is being printed. */
function useIsPrinted() {
  const [isPrinted, print] = useState(false);
  useEffect(() => {
    const begin = () => print(true), end = () => print(false);
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
    };
  }, []);
  return isPrinted;
}

/** @param {{walk: Walk, at: number, isNow: boolean, isDifference: boolean, id: string, onMove: (position: number) => void}} props */
function Step({ walk, at, isNow, isDifference, id, onMove }) {
  const row = walk.rowAt(at);
  const isDecisive = row !== undefined && walk.decisive.has(row[NUMBER]);
  const classes = ["step", isNow && "now", isDecisive && "decides", isDifference && "apart", row?.[LEFT_OUT] && "left"].filter(Boolean).join(" ");
  const before = at > 1 ? walk.rows[at - 2][AT] : 0;
  const text = walk.reader.text.bind(walk.reader);
  return (
    <div class={classes} id={id} role="option" aria-selected={isNow} aria-setsize={walk.positions} aria-posinset={at + 1}
      style={{ top: `${at * HEIGHT}px` }} onClick={() => onMove(at)}>
      <span class="number">{walk.numberAt(at)}</span>
      {row === undefined && <span class="what">the beginning</span>}
      {row !== undefined && row[LEFT_OUT] > 0 && <span class="what">{row[LEFT_OUT].toLocaleString("en")} steps are left out here</span>}
      {row !== undefined && !row[LEFT_OUT] && (
        <span class="what">
          <span class="line"><b>{text(row[OPERATION])}</b>
            {isDecisive && <span class="tag">decisive</span>}{isDifference && <span class="tag apart">first difference</span>}</span>
          <span class="line answer"><span class="who">{text(row[ACTOR])}</span>{" "}{row[WAY] !== null && `[${text(row[WAY])}] `}{text(row[ANSWER])}</span>
        </span>
      )}
      {row !== undefined && row[AT] !== null && <span class="time">+{duration(row[AT] - (before ?? 0))}</span>}
    </div>
  );
}
