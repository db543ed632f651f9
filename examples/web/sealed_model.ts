/**
 * The sealed network that the page asks where its user wants that: LeNet with its
 * pooling before the activations, so that a fifth as many circuits travel.
 *
 * @module
 */

/** Its name; the functions must serve a model of this name for the switch to work. */
export const sealedModel = "lenet-mnist-pool-first-sealed";

/** Its contract. */
export const sealedContract =
  "sha256:fb6e0d0c2ec81915c2befd7cd6a2e1a1ad6244960e4a58b4ed42423a18b35cff";
