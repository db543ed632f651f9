/**
 * Working through a round's stages in chunks of lanes, as garbler and as evaluator.
 *
 * Gate and lane numbers are those of the whole call, so that no tweak is met twice
 * under its salt.
 *
 * @module
 */
import { CipherlayerError } from "../../support/errors.ts";
import { Pacer } from "../../support/pacing.ts";
import { projectionWords } from "../circuit.ts";
import { evaluate, type Evaluated } from "../evaluate.ts";
import {
  garble,
  type Garbled,
  type GarblerSecrets,
  type Knowledge,
  type TweakOrigin,
} from "../garble.ts";
import type { GateKernel } from "../gate_kernel.ts";
import { colours, Labels } from "../labels.ts";
import { scheduleOf } from "../schedule.ts";
import { BitReader, BitWriter, rowBytes, tableBytes } from "../tables.ts";
import { gather, type Part, scatter, type Stage } from "./stage.ts";

/**
 * How lanes are cut into chunks, part of the circuits' digest: as many of a part as
 * `bytes` of tables hold, in groups of four, at least one group and at most `lanes`.
 */
export const chunkRule = { lanes: 256, bytes: 2 ** 19 };

/** A range of lanes of one part. */
interface Chunk {
  stage: Stage;
  part: Part;
  /** Whether it is the first of its stage. */
  opens: boolean;
  first: number;
  lanes: number;
  origin: TweakOrigin;
}

/** All chunks of a call, in the order in which they travel. */
function* chunksOf(stages: readonly Stage[]): Generator<Chunk> {
  let firstGate = 0;
  for (const stage of stages) {
    let opens = true;
    for (const part of stage.parts) {
      const step = chunkLanes(part);
      for (let first = 0; first < part.lanes; first += step) {
        const lanes = Math.min(step, part.lanes - first);
        const origin = { firstGate, firstLane: first };
        yield { stage, part, opens, first, lanes, origin };
        opens = false;
      }
      firstGate += part.circuit.gates.length;
    }
  }
}

function chunkLanes({ circuit }: Part): number {
  const groups = Math.floor(chunkRule.bytes / tableBytes(circuit, 4));
  return 4 * Math.max(1, Math.min(groups, chunkRule.lanes / 4));
}

const decodingBytes = ({ part, stage, lanes }: Chunk): number =>
  stage.elements ? 0 : Math.ceil(part.circuit.outputs.length * lanes / 8);

/** Bytes of a chunk: tables, rows, and where its outputs are revealed their colours of 0. */
const chunkBytes = (chunk: Chunk): number =>
  tableBytes(chunk.part.circuit, chunk.lanes) +
  rowBytes(chunk.part.circuit, chunk.lanes) + decodingBytes(chunk);

/** Chunks of a call. */
export const chunkCount = (stages: readonly Stage[]): number =>
  [...chunksOf(stages)].length;

/** Bytes of all chunks together. */
export function garbledBytes(stages: readonly Stage[]): number {
  let sum = 0;
  for (const chunk of chunksOf(stages)) sum += chunkBytes(chunk);
  return sum;
}

/**
 * Memory that a call takes at either side, about: labels of its choices and of the two
 * stages between which it works, and a chunk as it is made, as it travels and in the
 * kernel.
 */
export function callBytes(stages: readonly Stage[], choices: number): number {
  const labels = [
    choices,
    ...stages.map(({ elements }) =>
      elements ? elements.count * elements.bits : 0
    ),
  ];
  let between = 0, chunk = 0;
  for (let i = 1; i < labels.length; i++) {
    between = Math.max(between, labels[i - 1] + labels[i]);
  }
  for (const one of chunksOf(stages)) chunk = Math.max(chunk, chunkBytes(one));
  return 16 * between + 3 * chunk;
}

/** AND gates of all lanes; one whose operand is known counts as half. */
export const andGates = (stages: readonly Stage[]): number =>
  stages.flatMap(({ parts }) => parts).reduce(
    (sum, { circuit, lanes }) =>
      sum + lanes * (circuit.ands + circuit.knownAnds / 2),
    0,
  );

/**
 * Garbles a call, chunk by chunk; a chunk is garbled when it is asked for.
 *
 * @param choices labels of 0 of the choices, one wire
 * @param knowledgeOf what the garbler knows in lanes [first, first + lanes) of a part
 */
export function* garbleStages(
  kernel: GateKernel,
  stages: readonly Stage[],
  { choices, secrets, knowledgeOf }: {
    choices: Labels;
    secrets: GarblerSecrets;
    knowledgeOf: (part: Part, first: number, lanes: number) => Knowledge;
  },
): Generator<Uint8Array, void> {
  const flow = new Flow(choices);
  for (const chunk of chunksOf(stages)) {
    const { part, first, lanes, origin } = chunk;
    const inputs = flow.take(chunk);
    const knowledge = knowledgeOf(part, first, lanes);
    const garbled = garble(kernel, scheduleOf(part.circuit, "garbler"), {
      inputs,
      knowledge,
      secrets,
      origin,
    });
    flow.give(chunk, garbled.outputs);
    yield joinChunk(chunk, garbled);
  }
}

function joinChunk(chunk: Chunk, { tables, rows, outputs }: Garbled) {
  const bytes = new Uint8Array(chunkBytes(chunk));
  bytes.set(tables);
  bytes.set(rows, tables.length);
  if (!chunk.stage.elements) {
    const bits = colours(outputs), writer = new BitWriter(bits.length);
    for (const bit of bits) writer.write(bit, 1);
    bytes.set(writer.bytes, tables.length + rows.length);
  }
  return bytes;
}

/** What the last stage reveals of one part. */
export interface Told {
  part: Part;
  /** [output][lane] */
  bits: Uint8Array[];
  /** Numbers of projections, [number][lane], `projectionWords` words each. */
  values: Uint32Array[];
}

/** Evaluates a call as its bytes come in. Total: any bytes end in numbers of the right sizes. */
export class StageEvaluator {
  readonly #kernel: GateKernel;
  readonly #chunks: Generator<Chunk>;
  readonly #salt: Uint32Array;
  readonly #flow: Flow;
  readonly #told = new Map<Part, Told>();
  readonly #pacer: Pacer;
  #next: Chunk | undefined;
  /** Of the next chunk, and how many of them have come. */
  #bytes = new Uint8Array();
  #filled = 0;

  /**
   * @param choices active labels, one wire
   * @throws the signal's reason if it is already aborted
   */
  constructor(
    kernel: GateKernel,
    stages: readonly Stage[],
    { choices, salt, signal }: {
      choices: Labels;
      salt: Uint32Array;
      signal?: AbortSignal;
    },
  ) {
    this.#kernel = kernel;
    this.#chunks = chunksOf(stages);
    this.#salt = salt;
    this.#flow = new Flow(choices);
    this.#pacer = new Pacer(signal);
    this.#open();
  }

  /**
   * Takes the next bytes, in pieces of any size, once the call before has ended; pauses
   * between chunks, so that the event loop runs.
   *
   * @throws {CipherlayerError} `malformed` if too many came
   * @throws the signal's reason if it has been aborted
   */
  async push(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (this.#next) {
      const chunk = this.#bytes;
      const part = bytes.subarray(at, at + chunk.length - this.#filled);
      chunk.set(part, this.#filled);
      at += part.length;
      this.#filled += part.length;
      if (this.#filled < chunk.length) return;
      if (this.#pacer.due()) await this.#pacer.pause();
      this.#evaluate(this.#next, chunk);
      this.#open();
    }
    if (at < bytes.length) refuse("fewer", bytes.length - at);
  }

  /** Makes room for the next chunk, if there is one. */
  #open(): void {
    this.#next = this.#chunks.next().value ?? undefined;
    this.#bytes = new Uint8Array(this.#next ? chunkBytes(this.#next) : 0);
    this.#filled = 0;
  }

  /** What the last stage told, part by part. @throws {CipherlayerError} `malformed` if bytes are missing */
  finish(): Told[] {
    if (this.#next) {
      refuse("more", this.#bytes.length - this.#filled);
    }
    return [...this.#told.values()];
  }

  #evaluate(chunk: Chunk, bytes: Uint8Array): void {
    const { part, lanes, origin } = chunk;
    const tablesEnd = tableBytes(part.circuit, lanes);
    const rowsEnd = tablesEnd + rowBytes(part.circuit, lanes);
    const evaluated = evaluate(
      this.#kernel,
      scheduleOf(part.circuit, "evaluator"),
      {
        inputs: this.#flow.take(chunk),
        tables: bytes.subarray(0, tablesEnd),
        rows: bytes.subarray(tablesEnd, rowsEnd),
        salt: this.#salt,
        origin,
      },
    );
    this.#flow.give(chunk, evaluated.outputs);
    if (!chunk.stage.elements) {
      this.#tell(chunk, evaluated, bytes.subarray(rowsEnd));
    }
  }

  #tell(
    { part, first }: Chunk,
    { outputs, values }: Evaluated,
    decoding: Uint8Array,
  ): void {
    let told = this.#told.get(part);
    if (!told) {
      told = {
        part,
        bits: part.circuit.outputs.map(() => new Uint8Array(part.lanes)),
        values: part.circuit.projections.map(() =>
          new Uint32Array(projectionWords * part.lanes)
        ),
      };
      this.#told.set(part, told);
    }
    const zero = new BitReader(decoding);
    for (let wire = 0; wire < outputs.wires; wire++) {
      for (let lane = 0; lane < outputs.lanes; lane++) {
        told.bits[wire][first + lane] = outputs.colour(wire, lane) ^
          zero.read(1);
      }
    }
    values.forEach((lanes, i) =>
      told.values[i].set(lanes, projectionWords * first)
    );
  }
}

function refuse(expected: "fewer" | "more", bytes: number): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot evaluate a garbled call: expected ${bytes} bytes ${expected}`,
  );
}

/** Labels on their way from stage to stage. */
class Flow {
  #source: Labels;
  #target: Labels | null = null;

  constructor(choices: Labels) {
    this.#source = choices;
  }

  take({ stage, part, opens, first, lanes }: Chunk): Labels {
    if (opens) {
      if (this.#target) this.#source = this.#target;
      const { elements } = stage;
      this.#target = elements && new Labels(elements.bits, elements.count);
    }
    return gather(part, stage.operandBits, this.#source, { first, lanes });
  }

  give({ part, first }: Chunk, outputs: Labels): void {
    if (this.#target) scatter(part, outputs, this.#target, first);
  }
}
