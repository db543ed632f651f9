import { Log, type LogFormat, type LogLevel } from "../telemetry/log.ts";

/** The log that the environment asks for. */
export function logFromEnvironment(): Log {
  return new Log({
    level: choice<LogLevel>("CIPHERLAYER_LOG", ["errors", "off", "calls"]),
    format: choice<LogFormat>("CIPHERLAYER_LOG_FORMAT", ["text", "json"]),
  });
}

/** One of `values` from the environment, the first where it is not set. */
export function choice<T extends string>(
  name: string,
  values: readonly T[],
): T {
  const text = Deno.env.get(name);
  if (!text) return values[0];
  const value = values.find((value) => value === text);
  if (value) return value;
  throw new RangeError(
    `Cannot read ${name}: expected one of ${values.join(", ")}, got ${
      JSON.stringify(text)
    }`,
  );
}
