/** Deep links: `#step=41&policy=pr3766&with=pre3427`. */

/** @returns {Record<string, string>} */
export function read() {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) found[name] = value;
  return found;
}

/** Put what is shown into the address, without a step of the browser's history; what others put there stays. @param {Record<string, string | number | null>} shown */
export function write(shown) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(read())) {
    if (value !== "" && !(name in shown)) parameters.set(name, value);
  }
  for (const [name, value] of Object.entries(shown)) {
    if (value !== null && value !== "") parameters.set(name, String(value));
  }
  history.replaceState(null, "", `#${parameters}`);
}
