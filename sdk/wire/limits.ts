/**
 * The contract's numbers: what requests, replies, plans and model packages may hold
 * at most, for the sides that write them and those that check them.
 *
 * @module
 */

/** Largest count and extent; offsets and pads lie within it on either side of 0. */
export const maxCount = 2 ** 24;
/** Longest activation, in elements of one sample. */
export const maxElements = 2 ** 24;
/** Largest number of axes of a tensor. */
export const maxAxes = 8;
/** Rounds of a plan. */
export const maxRounds = 2 ** 10;
/** Activations that a round reads. */
export const maxInputs = 2 ** 10;
/** Of these, the ones that read the same activation. */
export const maxReadsOfTensor = 8;
/** Steps that the gateway takes after a round. */
export const maxSteps = 128;
/** Calls that a round may be split into. */
export const maxShards = 64;
/** Offsets of the ciphertexts of one spatial input. */
export const maxOffsets = 2 ** 16;
/** Factors of a leaky ReLU, one for each channel. */
export const maxFactors = 2 ** 16;
/** Entries of a lookup step's table. */
export const maxTableEntries = 2 ** 17;
/** Bits that a step shifts a product by. */
export const maxShift = 64;
/** Largest addend under a square root. */
export const maxAddend = 2 ** 50;
/** Bits of a slot. */
export const maxSlotBits = 64;
/** Bits of an accumulator of a sealed round. */
export const maxValueBits = 53;
/** Inputs of a model, and outputs. */
export const maxTensors = 64;
/** Labels, units or scales of an input or output. */
export const maxLabels = 2 ** 16;
/** Characters of a name or a version. */
export const maxNameLength = 200;
/** Models of a list. */
export const maxModels = 2 ** 12;
/** Bytes of a list of models. */
export const maxListBytes = 2 ** 24;
/** Values of such a list, with those inside of others. */
export const maxListItems = 2 ** 20;
/** Bytes of a modulus N: 4096 bits. */
export const maxModulusBytes = 512;
/** Roots of a key's proof. */
export const maxProofRoots = 64;
/** Bytes of a session token. */
export const maxTokenBytes = 4096;
/** Bytes of the ciphertexts of one call. */
export const maxBodyBytes = 2 ** 30;
/** Bytes of tables, rows and decoding bits of one garbled call. */
export const maxGarbledBytes = 2 ** 26;
/** Items of CBOR of a session's reply, nearly all of them the plan's. */
export const maxPlanItems = 2 ** 19;
/** Items of CBOR of any other request or reply. */
export const maxMessageItems = 2 ** 11;
