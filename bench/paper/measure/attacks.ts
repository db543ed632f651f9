/**
 * Weights recovered by a hostile gateway against the queries it took.
 *
 * @module
 */
import { runAttacks } from "../../../attack/mod.ts";
import { attackKeyBits } from "../../../attack/client/attack_context.ts";
import { attackedProfiles } from "../../../attack/client/target.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { lenetFolder } from "../../shared/functions_process.ts";
import type { Stage } from "../stage.ts";

/** Recovery after so many queries of one attack on one profile. */
export type AttackRow = {
  keyBits: number;
  attack: string;
  profile: string;
  queries: number;
  /** Share of the layer's weights within half a quantisation step. */
  recovered: number;
  /** The same where nothing is known of them. */
  chance: number | null;
};

const attacks = ["direct", "fingerprint", "hidden-dense"];

export const attacksStage: Stage = {
  name: "attacks",
  about: "weights that a hostile gateway recovers",
  tables: ["attacks"],
  async measure({ quick, progress }) {
    const reports = await runAttacks(await readPackage(lenetFolder), {
      profiles: quick ? ["none", "standard"] : attackedProfiles,
      attacks: quick ? ["direct"] : attacks,
      queries: 2000,
      onReport: ({ attack, profile, ms }) =>
        progress(`${attack} on ${profile}: ${(ms / 1000).toFixed(1)} s`),
    });
    const rows = reports.flatMap(({ attack, profile, chance, curve }) =>
      curve.map(({ queries, recovered }): AttackRow => ({
        keyBits: attackKeyBits,
        attack,
        profile,
        queries,
        recovered,
        chance,
      }))
    );
    return { attacks: rows };
  },
};
