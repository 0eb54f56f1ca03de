/** The JSON that a page shows: see `batchsim schema --of page`. */

export interface PolicyNames { name: string; gloss: string }
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

export type ValueEntry =
  | { is: Plain }
  | { of: number; at: number; out: number; in: Plain[] }
  | { of: number; put: { [key: string]: Plain }; drop: string[] };

/** [lane, text of what is awaited, [[source, line], …]] */
export type PlaceEntry = [string, number, [number, number][]];
export interface Source { file: string; function: string; first: number; lines: string[] }
export interface Tables { texts: string[]; values: ValueEntry[]; places: PlaceEntry[][]; sources: Source[] }
export interface Cell { cell: string; store: string; order: number }
export type Pair = [number, number | null];

/** number, actor, operation, answer, way, at, begun, answered, is_wait, after, woken_by, cells, places, views, left_out */
export type Row = [
  number, number | null, number | null, number | null, number | null, number | null, number | null, number | null,
  number | null, number | null, number | null, Pair[], Pair[], Pair[], number,
];
export interface WalkDocument {
  actors: number[];
  begin: { cells: Pair[]; places: Pair[]; views: Pair[] };
  steps: Row[];
  steps_total: number;
  decisive: number[];
}
export type Span = [string, string, string | null, number];
export interface Race {
  margin_us: number; is_won: boolean; since: string; since_step: number | null;
  sides: { operation: string; actor: string; step: number; spans: Span[] }[];
}
export interface WalkEntry {
  id: string; kind: "run" | "example" | "witness" | "finding"; policy: PolicyNames; verdicts: string[]; title: string; explanation: string[];
  command: string; like: string | null; race: Race | null; walk: WalkDocument | null;
}
export interface RunEntry {
  policy: PolicyNames; summary: string; verdicts: string[]; expected: string[] | null; as_expected: boolean | null;
  cells: string[]; margins: (number | null)[];
}
/** What is claimed of a policy: of all orders of its steps, or, where none were looked at, of one run. */
export interface Claim {
  policy: PolicyNames; words: string; kind: "good" | "bad" | "unsure"; size: string; verdicts: string[]; is_of_run: boolean;
}
export interface Outcome {
  verdicts: string[]; in_words: [string, string][]; schedules: string | null; share: number | null; steps: number;
}
export interface Exploration {
  policy: PolicyNames; why_none: string | null; states: number; transitions: number; schedules: string | null;
  is_proof: boolean; outcomes: Outcome[];
  reasons: { verdict: string; constraints: [string, string | null][] | null }[];
  decisive: { operation: string; actor: string; way: string | null; overtook: string[]; verdict: string; edges: number }[];
}
export type Column =
  | { actor: number; alike: boolean; begins_with: number | null; places: { [local: string]: number } }
  | { cell: number | null; values: { [number: string]: number } };
export interface GraphDocument {
  policy: PolicyNames; is_whole: boolean; states_total: number; columns: Column[];
  labels: [number, number, number | null, number | null][];
  differences: number[][]; views: [number, number][][]; verdicts: string[][]; fates: (number | string)[][]; states: number[][];
  ends: { [state: string]: number };
}
export interface Latency {
  name: string; operation: string; part: string; item: number | null; mean_us: number; min_us: number; max_us: number;
}
export type Sum = [number, number][];
export interface Condition {
  formula: string; earlier: string; later: string; left: Sum[]; right: Sum[]; equality: boolean; same: boolean;
}
export interface WindowEntry {
  policy: PolicyNames; verdict: string; why_none: string | null;
  window: null | { at_means: string; slack_us: number | null; tried: number; failed: number };
  numbers: null | { is_within: boolean; cases: Condition[][]; latencies: Latency[] };
}
export interface Share { count: number; share: number; low: number; high: number; first_run: number | null }
export interface LikelyCell {
  policy: PolicyNames; point: { [name: string]: string }; runs: number; verdicts: { [name: string]: Share };
}
export interface Likely { runs: number; command: string; run_command: string; cells: LikelyCell[] }

/** What the stepper needs of a page. */
export interface Stepped { tables: Tables; cells: Cell[]; walks: WalkEntry[]; opens?: string | null }
export interface ScenarioPage {
  page: "scenario"; scenario: string; summary: string; seed: number; command: string; again: string; sentence: string;
  warnings: string[]; setting: [string, string][]; meanings: { [verdict: string]: string };
  heads_with: "run" | "orders"; claims: Claim[]; opens: string | null;
  headings: string[]; runs: RunEntry[]; tables: Tables; cells: Cell[]; columns: string[]; walks: WalkEntry[];
  explorations: Exploration[]; graphs: GraphDocument[]; windows: WindowEntry[]; likely: Likely | null;
}
export interface SweepPage {
  page: "sweep"; scenario: string; command: string; run_command: string;
  axes: { name: string; is_log: boolean; values: { text: string; number: number }[] }[];
  failures: string[]; edges: { verdict: string; policies: string[]; lines: number[][][] }[];
  meanings: { [verdict: string]: string }; cells: LikelyCell[];
}
export interface IndexPage {
  page: "index"; title: string; findings: string | null; tour: { text: string; link: string; where: string }[];
  pages: { file: string; scenario: string; summary: string; question: string; sentence: string;
    claims: { policy: PolicyNames; verdicts: string[]; words: string; is_of_run: boolean }[] }[];
}
/** policy, base, budget, how it is known, what is to be said, [verdict, witness, only with one consumer] */
export type FindingsCell = [number, number, number, "proved" | "sampled" | "cannot happen", string, [string, number | null, number][]];
/** actor, operation, answer, way, cells, places, views */
export type FindingsRow = [number | null, number | null, number | null, number | null, Pair[], Pair[], Pair[]];
export interface FindingsWitness {
  policy: number; base: number; budget: number; verdicts: string[]; title: string; command: string; actors: number[];
  begin: number; steps: number[];
}
export interface FindingsPage {
  page: "findings"; headline: string; sentence: string; command: string; policies: (PolicyNames & { summary: string })[];
  against: number; judged: number[]; bases: string[]; sizes: [number, string][]; budgets: string[][]; verdicts: { [verdict: string]: string };
  cases: number; complete: number; answers: { size: number | null; cells: FindingsCell[] }[];
  tables: Tables; cells: Cell[]; rows: FindingsRow[]; begins: WalkDocument["begin"][]; witnesses: FindingsWitness[];
}
export interface AnswerPage extends Stepped { page: "answer"; scenario: string; command: string }
export type Page = ScenarioPage | SweepPage | AnswerPage | FindingsPage | IndexPage;
