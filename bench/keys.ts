/**
 * Fixed keys for benchmarks, so that runs are comparable and start at once. Their
 * primes are public: never use them for data.
 */
import { PrivateKey } from "../sdk/paillier/private_key.ts";

const primes = {
  512: [
    "c5db8f36512811e2c45c823abf6be7a3ccc25095ceae7d910fb324c89dea2e03",
    "d22aad890d478437215d9930ff73172411e9011ebac45bf85c41e7f3af944e27",
  ],
  1024: [
    "e41438b665bfade5d764327a51491b88120edf0ac3abc2738ecedf07caa4d56d7cc6a005942eee0b9fdc309d83f112426f016c4c018eeee5794949c3065ef5f3",
    "e660a6127e024fd9c6b9774d9faecf8bbc8940f8fa94a6479292fa846f8c74cb3ffd5f2a85939f064e8444ab3fb1fba604b50def4ea1689236720de18f3daf87",
  ],
  2048: [
    "e0f9405cd5857adcef3ddbc46d682dda0cd8f18537850573f9f2f299c9551afa29f9db59608b354bec7524c9c7645d9ab49062fb5b2b3fdc3e353ff3dbf8d76f2211893c48f64ad6f901927b274e87e2e57239aa5b61efeb51ee9661d535fe6b22bb49e98c4171b111206b59ccb42110b2267b7e81d9ec1feb6ad0f9d0f15e43",
    "f1e3b22b019cae2eb4df94434b7a1b752b678c7ca67d4501a25bc993af8736bf1bdb0d6a2fbca40ccc6527e55a3f30854ecd4e40db876add55760800ba3423b16a92f67787c5ca736559b86fee6baeb6dbe2552d013096706815e000248b3b4a05a163104e8ea5dbae023110c595bfd8753ef7e6280e19282e262d3ff3d2a7eb",
  ],
  3072: [
    "e77ea66e79becb89ff7f9c105f55bb4f904cc3d4382e5a4a4664cb3a6c5e325b9ef23438a69834966f743af5da9ab1bf0177888d976664b5c213745653614fdc9071fe3c23c062c7e704af57c8ffc30f36f8b81a5cd9433c72c663e2fa33d52533dd27bf3c240f4459936fa92db431df536f900efdcb107b56b0549152f2ec090c60fe7e4584e8aba98fa2dce3d766c9cffcc3bd0609beef21c00566a30e3eed2f851dda9a9cf851819d44e989cce068d6975923e22757db4bbc745b7b17d18f",
    "ceedebede56770f8280863eaf5b868a973ca206f7bf2d16082e9992989ded62933d465b826a48cc418de934cc09397acea5fa1d509852336a2e4e0c635ca17fbb1d4346e0fff669d8f0b735edf4d5ca2e6033c9095491b1d1a71c9ba75c3469b0a60008494e46fa9bfca929f01a10338cb7454e8d355f91e937c47c06853a7d916e80b006c8677d1dbe4d190ef64d2c205072bfe183ea8648ec74ba655bc506de7d403fab1190e1f1b5a3e5712072cfbb8b2c17824e523b1ffe2dd4292b34d9f",
  ],
} as const;

/** Sizes of N that have a benchmark key. */
export type BenchKeyBits = keyof typeof primes;

/** The benchmark key of this size; p, q = 3 mod 4 and gcd(p - 1, q - 1) = 2. */
export function benchKey(bits: BenchKeyBits): PrivateKey {
  const [p, q] = primes[bits];
  return PrivateKey.fromPrimes(BigInt(`0x${p}`), BigInt(`0x${q}`));
}
