/**
 * Counts of budgets and rates in Redis.
 *
 * @module
 */
import type { BudgetCharge, BudgetStore } from "../../admission/budget.ts";
import type { RedisConnection } from "./connection.ts";
import { prefix, timed } from "./scripts.ts";

/**
 * Charges all windows, or none and tells which one, from 1, is in the way.
 * Arguments: the amount; then of each window its limit, its end, and how long it is kept.
 */
const charge = timed(`
for i, key in ipairs(KEYS) do
  local count = tonumber(redis.call('GET', key) or 0)
  if count + ARGV[1] > tonumber(ARGV[3 * i - 1]) then return i end
end
for i, key in ipairs(KEYS) do
  local count = redis.call('INCRBY', key, ARGV[1])
  if redis.call('PTTL', key) < 0 then
    local life = math.max(0, ARGV[3 * i] - now) + ARGV[3 * i + 1]
    redis.call('PEXPIRE', key, string.format('%d', life))
  end
end
return 0`);

/** In Redis: one count for all instances. */
export class RedisBudgetStore implements BudgetStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async charge(
    charges: readonly BudgetCharge[],
    amount: number,
  ): Promise<BudgetCharge | null> {
    const over = await this.#connection.write<number>({
      script: charge,
      keys: charges.map(({ window }) => `${prefix}budget:${window}`),
      args: [
        amount,
        ...charges.flatMap(({ limit, endsAt, keepMs }) => [
          limit,
          endsAt,
          keepMs,
        ]),
      ],
    });
    return over === 0 ? null : charges[over - 1];
  }
}
