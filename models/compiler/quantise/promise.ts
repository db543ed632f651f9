/**
 * The error that a compiled model keeps, and the refusal of one that does not.
 *
 * @module
 */
import type { CompileOptions } from "../compile.ts";
import type { FloatNetwork } from "../ir.ts";
import type { QuantisationReport } from "./report.ts";

/** Errors of the worst score about its mean. */
interface ErrorLimits {
  /** What the choice of widths keeps on the readings that it looks at. */
  aim: number;
  /** What a package keeps on all calibration readings. */
  max: number;
}

/** Without labels the scores alone say what counts. */
const unlabelled: ErrorLimits = { aim: .02, max: .03 };
const labelled: ErrorLimits = { aim: .1, max: .15 };
/** Widths that the caller asked for. */
const requested: ErrorLimits = { aim: .25, max: .25 };

/** Fewer readings say too little to choose widths by. */
export const minReadingsToChoose = 8;

/** The limits of a compilation; null where training has fixed everything. */
export function errorLimits(options: CompileOptions): ErrorLimits | null {
  if (options.quantisation) return null;
  const { weightBits, activationBits, calibrationLabels } = options;
  if (weightBits !== undefined || activationBits !== undefined) {
    return requested;
  }
  return calibrationLabels ? labelled : unlabelled;
}

/** Whether the scores stand for classes, of which the largest counts. */
export function hasClasses(
  { rounds, outputs }: FloatNetwork,
  { reveal, labels, calibrationLabels }: CompileOptions,
): boolean {
  const [{ tensor }, ...others] = outputs;
  if (others.length > 0) return Boolean(calibrationLabels);
  const last = rounds.find(({ writes }) => writes === tensor);
  if (!last) return false;
  const { terms: [{ map }], shape: [scores], gateway } = last;
  if (map.kind !== "matrix" || scores < 2 || gateway.length > 0) return false;
  return reveal !== "scores" || Boolean(labels ?? calibrationLabels);
}

/** The integers would lose more of a score than is promised. */
export class InaccurateModelError extends Error {
  override readonly name = "InaccurateModelError";

  /** @param report what quantisation did; null where it was not worth beginning */
  constructor(message: string, readonly report: QuantisationReport | null) {
    super(message);
  }
}

/**
 * @param score name or number of the worst score
 * @param error of it, about its mean
 * @throws {InaccurateModelError} always
 */
export function refuseInaccurate(
  { score, error }: { score: string | number; error: number },
  max: number,
  how: string,
  report: QuantisationReport | null = null,
): never {
  throw new InaccurateModelError(
    `Cannot compile model: ${how}, score ${score} is off by ${
      percent(error)
    } of its variation about its mean over the calibration readings, more than the ${
      percent(max)
    } allowed; use more typical readings, train the model with quantisation, or accept the error (--accept-error)`,
    report,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
