/**
 * What every script begins with: the server's own time, so that no clock of an instance
 * decides when something is forgotten.
 *
 * @module
 */

/** Keys of ours; one server can hold others' too. */
export const prefix = "cipherlayer:";

/** A script in which `now` is the server's time, milliseconds since 1970. */
export function timed(script: string): string {
  return `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
${script}`;
}
