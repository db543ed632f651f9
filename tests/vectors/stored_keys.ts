/**
 * What gateways stored before keys could have more than two primes: the 512-bit key of
 * keys.ts under `passphrase`, and a queued reading [1, 2] under that key.
 */
export const passphrase = "a passphrase, tested";

/** The sealed key's file. */
export const storedKey = {
  "format": "cipherlayer-key-1",
  "fingerprint":
    "39fa555c7ff100e2579cb014aaf493c236ebfcac39b13e635c9243d8c871c7c0",
  "kdf": {
    "name": "scrypt",
    "N": 1024,
    "r": 8,
    "p": 2,
    "salt": "6s590sbGoNeRGzeBuzA8OQ",
  },
  "cipher": {
    "name": "AES-256-GCM",
    "nonce": "Z5IbjSal6g_k0HF4",
  },
  "sealed":
    "FUbqwlMAZb4etOxwQfCZVDUb62rAIV6QJ7VRx9IAiwL7V_2OnRmnMOFwWiyfELTZ1rW5jyL9TrvcbbElb9MVm59vpmRMyd84A5OjPAZmSMXxxO3GMCIhUK8N-9-XeTQN8Vrw2RkH7vR_gafqzlBdWV3VNduaYFIUtzkagWcRtZ2YY26cDqsFOf_Lk4R1CPDhKstQk_nINvx17nDYOw4AZ7OSN1VvNzpm4amgpQqXg0pu129jAp8TyS7b5BRgyUNOHL8pgWF_Cc7xfEIe5zFtr__jTkPVn-Ou7X_4CyUr4qAKRA_to_keGbqCN7N1L8g4tWHC50aMdg_KDvAy4p_nQuo-T-fPaG6mxFxaEORVKEEGimRbF6hoA7E2oQIaiilKyKbk961HK516RuZjSxPMz1F__H8_6mhYkgitOrj0zJBJQkvWnrmJm5BZfeofQNkxUAk8SJBVtMVzc1mmeEvn15H5bZYBTfpV084CIXiQioIJig-D5KOgmIE9s8xQb-al5wlIb2x5trAeg06W0ofcqc_5UkDW42gUTJlbJpIbZOugu4xFlqHrP8WUtL6dhbYs2TXbZwzWNArp7pmfbg-N4w",
  "checksum":
    "929940fb9c9327b843ce175ef9e635d7b948d85aa5e5f67626165d8ea3e8564b",
};

/** The blob "0.queued", base64url. */
export const queuedReading =
  "ATn6VVx_8QDiV5ywFKr0k8I26_ysObE-Y1ySQ9jIccfAg1z1QVGeRLqVDfnwKvmyOxtriJXuhov10NDT3_6gZt9k9iW5fQ5JjH-929m2DgkJede7c7AgXqkdmCee7kUBEcSQ5krNOJQN1V6uOlpdg4iBFJVZnqe3quguVgE9NVm1SbXeUuWXjO615eKawk9r2NJmgGy9Eq37YQA=";
