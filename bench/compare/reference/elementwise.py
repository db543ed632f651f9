"""The paper's method on its own stack: Paillier with gmpy2, one number a ciphertext.

Follows python-paillier 1.5 step by step (obfuscation by r^N, decryption by CRT,
inversion for negative scalars, floats as base-16 mantissa and exponent) but without
its wrapper objects, which favours this reference.

usage: elementwise.py KEY_BITS
Then, for every line on standard input, one line of JSON on standard output with the
seconds that one operation takes: encrypt, decrypt, multiplyFixed (signed 8-bit
fixed-point weight), multiplyFloat (double as python-paillier encodes it), add; and
peakBytes, most memory of the process.
"""
import json
import math
import random
import resource
import sys
import time

try:
    import gmpy2
    from gmpy2 import invert, mpz, powmod
except ImportError:
    sys.exit("gmpy2 is missing: install it by `apt-get install python3-gmpy2`")

FLOAT_MANTISSA_BITS = 53
LOG2_BASE = 4
system = random.SystemRandom()


def prime(bits):
    while True:
        candidate = gmpy2.next_prime(system.getrandbits(bits) | 3 << (bits - 2))
        if candidate.bit_length() == bits:
            return candidate


class Key:
    def __init__(self, bits):
        self.p, self.q = prime(bits // 2), prime(bits // 2)
        self.n = self.p * self.q
        self.n2 = self.n * self.n
        self.p2, self.q2 = self.p * self.p, self.q * self.q
        self.p_inverse = invert(self.p, self.q)
        self.hp = invert((powmod(self.n + 1, self.p - 1, self.p2) - 1) // self.p, self.p)
        self.hq = invert((powmod(self.n + 1, self.q - 1, self.q2) - 1) // self.q, self.q)
        self.max_int = self.n // 3 - 1

    def encrypt(self, plaintext):
        r = system.randrange(1, int(self.n))
        return (self.n * plaintext + 1) % self.n2 * powmod(r, self.n, self.n2) % self.n2

    def decrypt(self, ciphertext):
        mp = (powmod(ciphertext, self.p - 1, self.p2) - 1) // self.p * self.hp % self.p
        mq = (powmod(ciphertext, self.q - 1, self.q2) - 1) // self.q * self.hq % self.q
        return mp + (mq - mp) * self.p_inverse % self.q * self.p

    def multiply(self, ciphertext, scalar):
        encoded = scalar % self.n
        if encoded >= self.n - self.max_int:
            return powmod(invert(ciphertext, self.n2), self.n - encoded, self.n2)
        return powmod(ciphertext, encoded, self.n2)

    def add(self, left, right):
        return left * right % self.n2


def encode_float(value):
    """Mantissa of a double in base 16, as EncodedNumber.encode without precision."""
    lowest_bit = math.frexp(value)[1] - FLOAT_MANTISSA_BITS
    exponent = math.floor(lowest_bit / LOG2_BASE)
    return int(round(value * 2.0 ** (-exponent * LOG2_BASE)))


def seconds(operation, arguments):
    start = time.perf_counter()
    for argument in arguments:
        operation(*argument)
    return (time.perf_counter() - start) / len(arguments)


def peak_bytes():
    """Of this process alone: getrusage would count its parent's, which Linux hands on."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check(key):
    total = key.add(key.multiply(key.encrypt(21), -2), key.encrypt(5))
    if key.decrypt(total) != key.n - 37:
        sys.exit("the reference computes wrongly")


def main():
    key = Key(int(sys.argv[1]))
    check(key)
    weights = [random.Random(1).gauss(0, 0.35) for _ in range(64)]
    fixed = [max(-127, min(127, round(w * 127))) or 1 for w in weights]
    floats = [encode_float(w) for w in weights]
    ciphertexts = [key.encrypt(value) for value in range(8)]
    pairs = [(ciphertexts[i % 8], ciphertexts[(i + 1) % 8]) for i in range(64)]
    for _ in sys.stdin:
        print(json.dumps({
            "encrypt": seconds(key.encrypt, [(mpz(value),) for value in range(4)]),
            "decrypt": seconds(key.decrypt, [(c,) for c in ciphertexts]),
            "multiplyFixed": seconds(key.multiply, [(ciphertexts[i % 8], w) for i, w in enumerate(fixed)]),
            "multiplyFloat": seconds(key.multiply, [(ciphertexts[i % 8], w) for i, w in enumerate(floats)]),
            "add": seconds(key.add, pairs * 4),
            "peakBytes": peak_bytes(),
        }), flush=True)


main()
