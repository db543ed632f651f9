/**
 * The sealed network that the page asks where its user wants that.
 *
 * @module
 */

/** Its name; the functions must serve a model of this name for the switch to work. */
export const sealedModel = "lenet-mnist-sealed";

/** Its contract: lenet-mnist's, but for what is told. */
export const sealedContract =
  "sha256:4c747abd9350711a96a62cd441ee6c51d2e666b41373555a4799ecde0d3bb1df";
