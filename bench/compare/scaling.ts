/**
 * One round at one process and, in two shards, at two: the requests of a real
 * inference are kept and sent again, which the functions answer byte for byte
 * alike, so that nothing of the gateway's work is in the figure.
 *
 * @module
 */
import { readPackage } from "../../models/package/read_package.ts";
import { decodeRoundResponse } from "../../sdk/wire/codec.ts";
import { openChecked } from "../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../shared/functions_process.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  interleave,
  timeMs,
} from "../shared/harness.ts";

const turns = 7;

export const scaling: BenchGroup = {
  names: ["scaling-shards"],
  async run({ progress }: BenchContext): Promise<BenchResult[]> {
    progress("shards of a round at 1 and 2 processes");
    await using first = await startFunctions({ models: zooFolder, threads: 1 });
    await using second = await startFunctions({
      models: zooFolder,
      threads: 1,
    });
    const { round, body } = await heaviestRound(first.url);
    const ask = async (url: string, shard: number, shards: number) => {
      const response = await fetch(
        `${url}/v1/rounds/${round}?shard=${shard}/${shards}`,
        {
          method: "POST",
          headers: { "content-type": "application/cbor" },
          body,
        },
      );
      if (!response.ok) throw new Error(await response.text());
      return decodeRoundResponse(await response.bytes()).ciphertexts;
    };
    const whole = () => ask(first.url, 0, 1);
    const halves = () =>
      Promise.all([ask(first.url, 0, 2), ask(second.url, 1, 2)]);
    const joined = (await halves()).flatMap((part) => [...part]);
    if ((await whole()).some((byte, i) => byte !== joined[i])) {
      throw new Error("The shards of a round differ from the whole");
    }
    const figures = await interleave({
      one: () => timeMs(whole),
      two: () => timeMs(halves),
    }, turns);
    return [compare(
      {
        name: "scaling-shards",
        unit: "ms",
        note:
          `round ${round} of the LeNet at 2048 bits, answers identical; 2 is perfect`,
      },
      figures.two,
      { name: "1 process", figures: figures.one },
    )];
  },
};

/** The round of one LeNet inference that takes the functions longest. */
async function heaviestRound(url: string) {
  const bodies = new Map<number, Uint8Array<ArrayBuffer>>();
  const model = await readPackage(lenetFolder);
  await using checked = await openChecked({
    url,
    model,
    bits: 2048,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const round = request.url.match(/\/v1\/rounds\/(\d+)/)?.[1];
      if (round) bodies.set(Number(round), await request.clone().bytes());
      return await fetch(request);
    },
  });
  const { rounds } = await checked.infer();
  const times = rounds.map(({ evaluateMs }) => evaluateMs);
  const round = times.indexOf(Math.max(...times));
  return { round, body: bodies.get(round)! };
}
