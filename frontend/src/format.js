/** Durations, numbers and names in words. */

const UNITS = /** @type {const} */ ([["h", 3.6e9, 5.4e9], ["min", 6e7, 9e7], ["s", 1e6, 1e6], ["ms", 1e3, 1e3]]);

/** A duration in three digits: `69.9 ms`. @param {number} us @returns {string} */
export function duration(us) {
  if (us < 0) return `-${duration(-us)}`;
  for (const [unit, length, least] of UNITS) {
    if (us >= least) return `${trimmed(us / length)} ${unit}`;
  }
  return `${Math.round(us)} us`;
}

/** @param {number} value */
function trimmed(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toFixed(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** An instant to the microsecond: `9.112424 s`. @param {number} us */
export function instant(us) {
  return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, "0")} s`;
}

/** A number with its thousands apart: `1,445`; of a very long one the first digits. @param {number|string} value */
export function counted(value) {
  const text = String(value);
  if (text.includes("e")) {
    const [digits, power] = text.split("e");
    return `${digits} · 10${superscript(Number(power))}`;
  }
  if (text.length > 12) {
    return `${text[0]}.${text.slice(1, 3)} · 10${superscript(text.length - 1)}`;
  }
  return text.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** @param {number} power */
function superscript(power) {
  return String(power).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).replace("-", "⁻");
}

/** A probability: `0.38 %`. @param {number} share */
export function percent(share) {
  if (share === 0) return "0 %";
  if (share === 1) return "100 %";
  const value = 100 * share;
  if (value < 0.001) return `${value.toExponential(1).replace("e-", " · 10⁻").replace(/⁻(\d+)$/, (_, n) => "⁻" + superscript(Number(n)))} %`;
  const text = value >= 99.95 ? value.toPrecision(5) : value.toPrecision(3);
  return `${text.includes("e") ? Math.round(value) : text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")} %`;
}

/** A policy with its gloss: `pre3427 (bug)`. @param {{name: string, gloss: string}} policy */
export function named(policy) {
  return policy.gloss ? `${policy.name} (${policy.gloss})` : policy.name;
}

/** A verdict in words: `false failure`. @param {string} verdict */
export function verdictWords(verdict) {
  return verdict.replaceAll("_", " ");
}

/** Whether verdicts are good. @param {string[]} verdicts */
export function isOk(verdicts) {
  return verdicts.length === 1 && verdicts[0] === "ok";
}
