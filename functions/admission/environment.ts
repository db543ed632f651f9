import type { BudgetStore } from "../budget.ts";
import { Gate } from "./gate.ts";
import type { Rates } from "./rates.ts";
import { numberFrom } from "../number_from_environment.ts";

/** A gateway needs one an hour; each costs the functions about a third of a second a thread. */
const sessionsPerMinute = 120;

/** @param threads that evaluate */
export function gateFromEnvironment(threads: number): Gate {
  return new Gate({
    running: Math.max(2, threads),
    waiting: numberFrom("CIPHERLAYER_WAITING_CALLS"),
    perCaller: numberFrom("CIPHERLAYER_CALLS_AT_ONCE"),
  });
}

/** @param store where calls are counted */
export function ratesFromEnvironment(store: BudgetStore): Rates {
  return {
    store,
    limits: {
      callsPerMinute: numberFrom("CIPHERLAYER_CALLS_PER_MINUTE"),
      sessionsPerMinute: numberFrom("CIPHERLAYER_SESSIONS_PER_MINUTE") ??
        sessionsPerMinute,
    },
  };
}
