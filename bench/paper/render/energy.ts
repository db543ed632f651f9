/**
 * Renders the estimate of energy.
 *
 * @module
 */
import type { GatewayRow } from "../measure/gateway.ts";
import {
  bytes,
  duration,
  keyName,
  markdownTable,
  type Measured,
  missingSection,
  number,
  provenanceNote,
  type Section,
} from "./markdown.ts";

/** What the estimate takes for granted; none of it is measured here. */
export const assumptions = {
  /** A core of the gateway (Cortex-A72 at 1.5 GHz) against one of the machine measured on. */
  slowerBy: 4,
  /** Watts of one busy core above idle: (6.4 W - 2.7 W) / 4, as commonly measured of a Raspberry Pi 4. */
  coreWatts: 0.93,
  /** Energy of radio by bit, in nanojoules. */
  radios: [
    { name: "Wi-Fi", nanojoulesPerBit: 40 },
    { name: "LTE Cat 1", nanojoulesPerBit: 400 },
  ],
} as const;

/** Joules of one inference at the gateway: computing, and each radio. */
export function energyOf(
  { cpuMs, bytes }: Pick<GatewayRow, "cpuMs" | "bytes">,
): { computing: number; radios: number[] } {
  const { slowerBy, coreWatts, radios } = assumptions;
  return {
    computing: cpuMs / 1000 * slowerBy * coreWatts,
    radios: radios.map(({ nanojoulesPerBit }) =>
      8 * bytes * nanojoulesPerBit * 1e-9
    ),
  };
}

/** Energy of one inference. */
export function energySection(
  rows: Measured<GatewayRow>[] | null,
  machine: string | null,
): Section {
  const title = "Beyond the paper: energy of one inference at the gateway";
  if (rows === null) {
    return missingSection(title, "gateway");
  }
  const { slowerBy, coreWatts, radios } = assumptions;
  return {
    title,
    blocks: [
      "**An estimate, not a measurement.** Measured: processor time of the gateway's process for one LeNet inference, preparation of its randomisers included, and bytes up and down. " +
      `Assumed: a gateway like a Raspberry Pi 4 whose core does this work ${slowerBy} times slower than the core measured on and takes ${coreWatts} W above idle while busy; ${
        radios.map(({ name, nanojoulesPerBit }) =>
          `${name} at ${nanojoulesPerBit} nJ a bit`
        ).join(" and ")
      }, idle and tail energy of the radio left out. Put your own figures in: joules = processor seconds x ${slowerBy} x ${coreWatts} W, and bits x nJ.`,
      markdownTable(
        [
          "key bits, method",
          "processor, measured",
          "bytes, measured",
          "computing",
          ...radios.map(({ name }) => name),
          "inferences from 10 Wh over Wi-Fi",
        ],
        rows.map((row) => {
          const energy = energyOf(row);
          const joules = energy.computing + energy.radios[0];
          return [
            `${keyName(row.keyBits)}, ${row.method}${
              row.method === "packed" ? "" : " on gmpy2, counted"
            }`,
            duration(row.cpuMs),
            bytes(row.bytes),
            `${number(energy.computing)} J`,
            ...energy.radios.map((each) => `${number(each)} J`),
            number(Math.floor(36_000 / joules)),
          ];
        }),
      ),
      provenanceNote(rows, "gateway", machine),
    ],
    figures: [],
  };
}
