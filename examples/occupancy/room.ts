/**
 * A room that does not exist, for `--simulate`.
 *
 * @module
 */
import type { SensorRow } from "./sensors.ts";

/** A minute in a room that does not exist. */
export interface RoomMinute extends SensorRow {
  /** Whether somebody is there. */
  present: boolean;
}

/**
 * Half an hour in an office: empty for ten minutes, then somebody is there for ten,
 * with the light on and breathing, then leaves and switches it off.
 */
export function simulatedRoom(): RoomMinute[] {
  let co2 = 460, temperature = 20.6;
  return Array.from({ length: 30 }, (_, minute) => {
    const present = minute >= 10 && minute < 20;
    co2 += present ? 28 : (440 - co2) * 0.04;
    temperature += present ? 0.06 : (20.6 - temperature) * 0.03;
    return {
      present,
      temperature,
      humidity: 26 + 0.002 * (co2 - 440),
      light: (present ? 430 : 12) + 6 * Math.sin(minute),
      co2,
    };
  });
}
