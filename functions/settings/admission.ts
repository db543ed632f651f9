import type { BudgetStore } from "../admission/budget.ts";
import { Gate } from "../admission/gate.ts";
import type { Rates } from "../admission/rates.ts";
import { numberIn } from "./number.ts";

/** A gateway needs one an hour; each costs the functions about a third of a second a thread. */
const sessionsPerMinute = 120;

type Variables = Readonly<Record<string, string | undefined>>;

/** @param threads that evaluate */
export function gateFrom(variables: Variables, threads: number): Gate {
  return new Gate({
    running: Math.max(2, threads),
    waiting: numberOf(variables, "CIPHERLAYER_WAITING_CALLS"),
    perCaller: numberOf(variables, "CIPHERLAYER_CALLS_AT_ONCE"),
  });
}

/** @param store where calls are counted */
export function ratesFrom(variables: Variables, store: BudgetStore): Rates {
  return {
    store,
    limits: {
      callsPerMinute: numberOf(variables, "CIPHERLAYER_CALLS_PER_MINUTE"),
      sessionsPerMinute:
        numberOf(variables, "CIPHERLAYER_SESSIONS_PER_MINUTE") ??
          sessionsPerMinute,
    },
  };
}

function numberOf(variables: Variables, name: string): number | undefined {
  return numberIn(name, variables[name]);
}
