/**
 * Fixed keys for tests ONLY: their primes are public, so they protect nothing.
 * Both primes are 3 modulo 4 and gcd(p-1, q-1) = 2, as key generation promises.
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
