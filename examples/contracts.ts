/**
 * Contracts of the models that the apps use, as `cipherlayer inspect` prints them:
 * the functions may serve these models, and no others under their names.
 *
 * @module
 */
export const contracts = {
  "appliance":
    "sha256:85bd45165b89f4bea176054e9cb6357057fb066da269a3c3cc5925cb15217286",
  "lenet-mnist":
    "sha256:2084474fe35ee060629769e19c4a5e8127a8b78f2d1091b1ff3459fc35bc59ec",
  "meter-digits":
    "sha256:01708f997bc1324250763fc77912fd9b6306896caebbcd490109f3c8ba36f44d",
  "occupancy":
    "sha256:b3bb3407e3094261e47ba23acc0a5e76a1f6f7b1df7be48736539b376d57747f",
};
