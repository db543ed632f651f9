/**
 * Renders the section on attacks against the model.
 *
 * @module
 */
import type { AttackRow } from "../measure/attacks.ts";
import { colours, type Figure, figureSpec } from "./figure.ts";
import {
  figureLink,
  keyName,
  type Measured,
  missingSection,
  provenanceNote,
  type Section,
} from "./markdown.ts";

const profiles = ["none", "paper", "standard", "strict"];

/** Model privacy: what the paper's "disturbed neurons" and ours are worth. */
export function attacksSection(
  rows: Measured<AttackRow>[] | null,
  machine: string | null,
): Section {
  const title = "Beyond the paper: what a hostile gateway gets of the model";
  if (rows === null) {
    return missingSection(title, "attacks");
  }
  const figure = attacksFigure(rows);
  return {
    title,
    blocks: [
      "The paper says that the gateway learns nothing of the model, since neurons are disturbed and redundant ones added. Attacks that were carried out over the real protocol say otherwise: " +
      "`direct` sets the inputs of the scores' layer one by one, `fingerprint` first undoes the secret order of rows, `hidden-dense` does so to the layer before. " +
      "Profile `none` reveals scores, `paper` adds decoys as the paper does, `standard` and `strict` are ours. Dashed: what knowing nothing gives; of `hidden-dense` more than nine in ten weights are zeros, so read what is above the line. `strict` allows one sample a query and was stopped after 48 inputs of the scores' layer, for time. " +
      "Convolutions are read from one image under every profile. [model-privacy.md](model-privacy.md) has all attacks, their costs and what bounds them.",
      figureLink(figure),
      `Keys of ${
        keyName(rows[0].keyBits)
      } bits, for speed: the attacks use no weakness of the key. ${
        provenanceNote(rows, "attacks", machine)
      }`,
    ],
    figures: [figure],
  };
}

function attacksFigure(rows: readonly AttackRow[]): Figure {
  const attacks = [...new Set(rows.map(({ attack }) => attack))];
  const colour = {
    field: "profile",
    type: "nominal",
    title: "profile",
    scale: {
      domain: profiles,
      range: [colours.grey, colours.other, colours.ours, colours.third],
    },
    legend: { orient: "bottom" },
  };
  const panel = (attack: string) => {
    const values = rows.filter((row) => row.attack === attack)
      .map(({ profile, queries, recovered, chance }) => ({
        profile,
        queries,
        recovered: 100 * recovered,
        chance: chance === null ? null : 100 * chance,
      }));
    const y = (field: string) => ({
      field,
      type: "quantitative",
      title: attack === attacks[0] ? "weights recovered (%)" : null,
      scale: { domain: [0, 100] },
    });
    return {
      width: 185,
      height: 220,
      title: attack,
      data: { values },
      layer: [
        {
          mark: { type: "line", interpolate: "step-after" },
          encoding: {
            x: {
              field: "queries",
              type: "quantitative",
              title: "queries",
              axis: { tickCount: 5 },
            },
            y: y("recovered"),
            color: colour,
          },
        },
        {
          transform: [{
            aggregate: [{ op: "max", field: "chance", as: "chance" }],
            groupby: ["profile"],
          }],
          mark: { type: "rule", strokeDash: [4, 4], strokeWidth: 1.5 },
          encoding: { y: y("chance"), color: colour },
        },
      ],
    };
  };
  return {
    file: "attacks.svg",
    alt: "Share of weights that attacks recover against the queries they take",
    spec: figureSpec({ bounds: "flush", hconcat: attacks.map(panel) }),
  };
}
