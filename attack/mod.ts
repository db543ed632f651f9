/**
 * The meter: every attack against every profile, over the real protocol.
 *
 * @module
 */
import type { ModelPackage } from "../models/package/format.ts";
import { averaging } from "./attacks/averaging.ts";
import { commonFactor } from "./attacks/common_factor.ts";
import { convolution } from "./attacks/convolution.ts";
import { decoyStatistics } from "./attacks/decoy_statistics.ts";
import { direct } from "./attacks/direct.ts";
import { extremes } from "./attacks/extremes.ts";
import { fingerprint } from "./attacks/fingerprint.ts";
import { hiddenDense } from "./attacks/hidden_dense.ts";
import { ignoredChannels } from "./attacks/ignored_channels.ts";
import { multiples } from "./attacks/multiples.ts";
import { replay } from "./attacks/replay.ts";
import { selectors } from "./attacks/selectors.ts";
import { parity, smooth } from "./attacks/subgroup.ts";
import { wide } from "./attacks/wide.ts";
import { HostileClient } from "./client/hostile_client.ts";
import type { AttackReport } from "./report/report.ts";
import { type Attack, attackKey } from "./client/attack_context.ts";
import { type AttackedProfile, startTarget } from "./client/target.ts";

/** By name, in the order in which they are run. */
export const attacks: ReadonlyMap<string, Attack> = new Map<string, Attack>([
  ["direct", direct],
  ["fingerprint", fingerprint],
  ["hidden-dense", hiddenDense],
  ["convolution", convolution],
  ["wide", wide],
  ["averaging", averaging],
  ["decoy-statistics", decoyStatistics],
  ["ignored-channels", ignoredChannels],
  ["selectors", selectors],
  ["replay", replay],
  ["common-factor", commonFactor],
  ["extremes", extremes],
  ["multiples-of-p", multiples],
  ["parity", parity],
  ["smooth", smooth],
]);

export interface MeterOptions {
  profiles: AttackedProfile[];
  attacks: string[];
  /** Most queries of one attack. */
  queries: number;
  onReport?: (report: AttackReport) => void;
}

/** Runs attacks one after another, each with its own client. */
export async function runAttacks(
  model: ModelPackage,
  { profiles, attacks: names, queries, onReport }: MeterOptions,
): Promise<AttackReport[]> {
  const key = await attackKey();
  const reports: AttackReport[] = [];
  for (const profile of profiles) {
    await using target = await startTarget(model, profile);
    for (const name of names) {
      using client = new HostileClient(target.url, target.name, key);
      const started = performance.now();
      const finding = await attacks.get(name)!({ target, client, queries });
      const report = {
        attack: name,
        profile,
        ...finding,
        ...client.spent,
        ms: Math.round(performance.now() - started),
      };
      reports.push(report);
      onReport?.(report);
    }
  }
  return reports;
}
