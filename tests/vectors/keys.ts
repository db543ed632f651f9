/**
 * Fixed keys for tests ONLY: their primes are public, so they protect nothing.
 * All primes are 3 modulo 4 and gcd(p-1, q-1) = 2 for any two, as key generation
 * promises.
 */
import { PrivateKey } from "../../sdk/paillier/private/private_key.ts";

const primes = {
  512: {
    p: 0xc6e488ac2770351820e1a678d73579039f1ce538cf709602f3008ec7e3989b1fn,
    q: 0xf1439fe9e96e705f1734463a3f6de3c2831b026efd750d47e608e0d97cf737e3n,
  },
  1024: {
    p: 0xf82cdfce132a031893afc5923205f52d31d284a1d2340e7c3a013c326994dac27e19dd828b7d7e322d5bae7f269fd88773b7eb302b77433f1a9b42fbba6376f7n,
    q: 0xda4556df1898536550e14454a74f596278f7a060c09bf94839f4411b1149f1b0e376c7866b8c17e051d6020a28a1e57bac5ba986c67dd01962dba4be136fe777n,
  },
  2048: {
    p: 0xdc3ca5b6489fd60eb6bf6dd63bf50e70b55bc9ce61151d75d1c63b837a6c3a88224c7a136e60d517cbdf40c70153d1dfd75e84a0a544580bc9584395fe2ce0fbef94dd39263b5e43880227e3bd9fe18152950bace111633a7155c2cbcd78dbef930e41836486016bd419f4d66e3e7929aaedcfe25464c76ab8ecce9aa3f20de7n,
    q: 0xd433369d5a99c25bb680eb67d9b4109f881e94f5ecab022ebae1c1024400d3149ae672d8cb32f7175a122dc319e03db8434e638c7ad69a7e952ba910830cc1fed936a221fbcc39bab8c7890b90b246478a8ca61c1d4abfe1bf6770a00453ce47190793c685733b7c922650af471c2cf51ec2523e8711c10152ef480c7b679e3fn,
  },
};

/** The test key whose modulus has `bits` bits; never use it for data. */
export function testKey(bits: 512 | 1024 | 2048): PrivateKey {
  return PrivateKey.fromPrimes(primes[bits].p, primes[bits].q);
}

const multiPrimes = {
  768: [
    0xe5ead36f7401df0ce04f9d5bc24b8e43c286e5b805e4afcfa01ba1466c90c793n,
    0xcdba630dfb9dd784d729ba23b5a4a8387e90e1068f9d64f8d2eb52bd8f86a9bbn,
    0xf67d30631d58d8abd1eee3096c88b9decfba195a1034e20485285fac8b14318fn,
  ],
  1024: [
    0xe3d511a48877a67a086228578d099b2c58dc254183c3b2fef65b13a578de21dfn,
    0xecfe72a5d6cf967e14b30eb60d101322724d660ed2c41a658ce79a64da840f63n,
    0xaf5681358763eee21b68784cf64fac274694e8be91e5a8e9ec1e1ebcefa9df4fn,
    0xfd69e8c36ad3d6a63ebd5c0c3ab267664dfa1b541189456d7e438ce799f3999bn,
  ],
  2048: [
    0x62e525077b4dfabbcb06d62330158ac2f6feade69483537def9b4daf56ae91afa1493c3285979a97e364b837415a4ee2f601b0f1b82d508803e9ce9b3e33e3c6d3d94bdc0d647500e2286f37140e9cfc454ebac9babn,
    0x6d55a7ce6cd0f8a93c96253aa03e47aaf2995757662b8f6d7c29ea83c3892657c0cf34af013ff3ca4b8380c22c99ef8687a224f1b58e51985ca2f36dfa3fa4a67f3392d8d3ed3fb9155ecd413447b1d3223a61fbdebn,
    0x3da855a363b10f39c6b4358095b1b62af10be9ffb222496a744733a7297be36940792b4a1ec2fa49b9cc4a4c7ffca77a977091cbed321e0aa4dc0741ea018272ef72d0e64a763704e9a70f160c2c3f0a887b2947a5fn,
  ],
};

/** Lengths of N that have a test key of more than two primes: three, four and three. */
export type MultiPrimeBits = keyof typeof multiPrimes;

/** The test key of more than two primes whose modulus has `bits` bits; never use it for data. */
export function multiPrimeKey(bits: MultiPrimeBits): PrivateKey {
  return PrivateKey.fromPrimes(...multiPrimes[bits]);
}
