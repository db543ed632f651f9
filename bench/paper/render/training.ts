/**
 * Renders the section on training.
 *
 * @module
 */
import { colours, coloursOf, type Figure, figureSpec } from "./figure.ts";
import { figureLink, markdownTable, type Section } from "./markdown.ts";
import { paper } from "./paper.ts";

/** One epoch as the zoo's training scripts log it. */
export interface TrainingRow {
  stage?: string;
  epoch: number;
  loss: number;
  train_accuracy: number;
  validation_accuracy: number;
}

/** A model and its log, null where it has none. */
export interface TrainingLog {
  model: string;
  dataset: "MNIST" | "CIFAR-10";
  /** In the repository. */
  path: string;
  rows: TrainingRow[] | null;
}

/** Figure 12. */
export function trainingSection(logs: readonly TrainingLog[]): Section {
  const title = "Figure 12: training";
  const known = logs.filter(({ rows }) => rows !== null && rows.length > 0);
  const figures = known.map(trainingFigure);
  const absent = logs.filter((log) => !known.includes(log));
  return {
    title,
    blocks: [
      "The paper shows accuracy and loss by epoch. Ours are read from the committed logs: nothing is measured anew here. " +
      "`lenet-mnist`: the quantisation-aware training whose integers the package holds; the validation samples are held out of the training samples; where a stage begins, the weights become fewer or narrower and accuracy falls for a while. " +
      "`resnet20-cifar10`: the training in floating point, of pictures that grow from a side of 20 to 32 at epochs 25 and 45; validated on every tenth test picture, which chose nothing (Table 5 has all of them).",
      markdownTable(
        [
          "",
          "epochs",
          "last training accuracy",
          "last validation accuracy",
          "the paper, plain (test)",
        ],
        known.map(({ model, dataset, rows }) => {
          const last = rows![rows!.length - 1];
          return [
            model,
            `${rows!.length}`,
            `${(100 * last.train_accuracy).toFixed(2)} %`,
            `${(100 * last.validation_accuracy).toFixed(2)} %`,
            `${paper.accuracy[dataset].plain} %`,
          ];
        }),
      ),
      ...figures.map(figureLink),
      `Command: none; the training script is beside each log (${
        known.map(({ path }) => `[${path}](../${path})`).join(", ")
      }).`,
      ...absent.map(({ model, path }) =>
        `_\`${model}\` has no log yet (\`${path}\`): \`deno task paper --render\` adds it._`
      ),
    ],
    figures,
  };
}

function trainingFigure({ model, rows }: TrainingLog): Figure {
  const epochs = rows!.map((row, i) => ({ ...row, epoch: i + 1 }));
  const accuracies = epochs.flatMap((row) => [
    { epoch: row.epoch, accuracy: 100 * row.train_accuracy, on: "training" },
    {
      epoch: row.epoch,
      accuracy: 100 * row.validation_accuracy,
      on: "validation",
    },
  ]);
  const starts = epochs.filter((row, i) =>
    i > 0 && row.stage !== epochs[i - 1].stage
  );
  const x = { field: "epoch", type: "quantitative", title: "epoch" };
  const stages = {
    data: { values: starts.map(({ epoch, stage }) => ({ epoch, stage })) },
    mark: { type: "rule", color: "#999999", strokeDash: [3, 3] },
    encoding: { x },
  };
  return {
    file: `training-${model}.svg`,
    alt: `Accuracy and loss of ${model} by epoch`,
    spec: figureSpec({
      title: model,
      bounds: "flush",
      hconcat: [
        {
          width: 300,
          height: 230,
          layer: [
            stages,
            {
              data: { values: accuracies },
              mark: { type: "line", strokeWidth: 2 },
              encoding: {
                x,
                y: {
                  field: "accuracy",
                  type: "quantitative",
                  title: "accuracy (%)",
                  scale: { zero: false },
                },
                color: coloursOf("on", {
                  "training": colours.grey,
                  "validation": colours.ours,
                }),
              },
            },
          ],
        },
        {
          width: 300,
          height: 230,
          layer: [
            stages,
            {
              data: { values: epochs },
              mark: { type: "line", color: colours.other, strokeWidth: 2 },
              encoding: {
                x,
                y: {
                  field: "loss",
                  type: "quantitative",
                  title: "training loss (logarithmic)",
                  scale: { type: "log" },
                  axis: { tickCount: 5, format: "~g" },
                },
              },
            },
          ],
        },
      ],
    }),
  };
}
