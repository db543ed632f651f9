/**
 * Contracts of the models that the apps use, as `cipherlayer inspect` prints them:
 * the functions may serve these models, and no others under their names.
 *
 * @module
 */
export const contracts = {
  "appliance":
    "sha256:b45cf98a49dd880e253115b7be9e75c1d3843412495f06114643a4cb17f96d8a",
  "lenet-mnist":
    "sha256:b110e4bb274fbd4b063fd27da00f9bd6207e00020d8d444cb39882f129e12d67",
  "meter-digits":
    "sha256:412edd8318e6625936257392163eb5430bedcf0e30290d170def29a26a18d2ea",
  "occupancy":
    "sha256:3831deb490a0c90bb45f8c335804a20aa60e3a557eb1bce0a6e175079e66b23b",
};
