/**
 * Attack: the first layer's filters by least squares from one image.
 *
 * @module
 */
import { filters } from "../client/layer.ts";
import { leastSquares } from "../measure/least_squares.ts";
import { type Finding, finding } from "../report/report.ts";
import { compareRows, zeroShare } from "../measure/scoring.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";
import type { ConvolutionTerm } from "../../models/package/format.ts";

/** The first layer's filters from one image: every output is an equation in its filter. */
export async function convolution(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const { manifest } = target.truth.model;
  const [spec] = manifest.rounds;
  const [term] = spec.terms;
  if (term.kind !== "convolution" || term.groups !== 1) {
    return finding("", "the model does not begin with a convolution");
  }
  await client.open(1);
  const random = uniformFrom("image");
  const { low, high } = manifest.inputs[0];
  const image = Float64Array.from(
    { length: term.inputShape.reduce((a, b) => a * b) },
    () => low + Math.floor(random() * (high - low + 1)),
  );
  const { accumulators } = await client.ask(0, client.token, [image]);
  const [channels, height, width] = accumulators.shape;
  const equations = patches(term, image, height, width);
  const outputs = Array.from(
    { length: channels },
    (_, c) =>
      accumulators.samples[0].subarray(
        c * height * width,
        (c + 1) * height * width,
      ),
  );
  const found = leastSquares(equations, outputs);
  const truth = filters(spec, target.truth.model);
  const { recovered, cosine } = compareRows(found, truth);
  return finding(
    roundName(target, 0),
    `least squares on one image: ${height * width} equations a filter`,
    { recovered, chance: zeroShare(truth), cosine },
  );
}

/** For each output position what the kernel sees, and a 1 for the bias. */
function patches(
  term: ConvolutionTerm,
  image: Float64Array,
  outHeight: number,
  outWidth: number,
): Float64Array[] {
  const [channels, height, width] = term.inputShape;
  const [kernelHeight, kernelWidth] = term.kernel;
  const rows: Float64Array[] = [];
  for (let oy = 0; oy < outHeight; oy++) {
    for (let ox = 0; ox < outWidth; ox++) {
      const row: number[] = [];
      for (let c = 0; c < channels; c++) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * term.stride[0] + ky * term.dilation[0] - term.pads[0];
          for (let kx = 0; kx < kernelWidth; kx++) {
            const x = ox * term.stride[1] + kx * term.dilation[1] -
              term.pads[1];
            const inside = y >= 0 && y < height && x >= 0 && x < width;
            row.push(inside ? image[(c * height + y) * width + x] : 0);
          }
        }
      }
      rows.push(Float64Array.of(...row, 1));
    }
  }
  return rows;
}
