/**
 * The log that the environment asks for. Runtime: Deno and Node.
 *
 * @module
 */
import { Log, type LogFormat, type LogLevel } from "../telemetry/log.ts";
import type { Settings } from "./settings.ts";

/** @throws {RangeError} for a level or format that is not known */
export function logFrom(settings: Settings): Log {
  return new Log({
    level: settings.choice<LogLevel>(
      "CIPHERLAYER_LOG",
      ["errors", "off", "calls"],
    ),
    format: settings.choice<LogFormat>(
      "CIPHERLAYER_LOG_FORMAT",
      ["text", "json"],
    ),
  });
}
