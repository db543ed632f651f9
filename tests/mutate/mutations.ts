/**
 * One-line changes that break a promise of security or arithmetic, each with the
 * tests that must fail on it.
 *
 * @module
 */
import { arithmeticMutations } from "./arithmetic_mutations.ts";
import { functionsMutations } from "./functions_mutations.ts";
import { privacyMutations } from "./privacy_mutations.ts";
import { sealedMutations } from "./sealed_mutations.ts";
import { sessionMutations } from "./session_mutations.ts";
import { storageMutations } from "./storage_mutations.ts";

/** A change of one place in one file. */
export interface Mutation {
  /** What the change breaks, in a few words; unique. */
  name: string;
  file: string;
  /** Text that stands in the file exactly once. */
  find: string;
  replace: string;
  /** Test files of which at least one must fail. */
  tests: string[];
}

export const mutations: Mutation[] = [
  ...sealedMutations,
  ...privacyMutations,
  ...arithmeticMutations,
  ...storageMutations,
  ...sessionMutations,
  ...functionsMutations,
];
