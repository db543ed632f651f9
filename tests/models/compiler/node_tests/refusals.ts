/** What of ONNX's node tests is refused, and why: nothing else may be. */

/** Operators that have no rule, by what they would need. */
export const unknownOperators: Readonly<Record<string, readonly string[]>> = {
  "a subgraph": ["If", "Loop", "Scan"],
  "a reduction that is not linear": [
    "CumSum",
    "ReduceLogSum",
    "ReduceLogSumExp",
  ],
  "a comparison, or a place that depends on the reading": [
    "ArgMin",
    "Compress",
    "GatherElements",
    "GatherND",
    "Hardmax",
    "IsInf",
    "IsNaN",
    "NonMaxSuppression",
    "NonZero",
    "OneHot",
    "ReverseSequence",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "TopK",
    "Unique",
  ],
  "interpolation, or other resizing": [
    "GridSample",
    "MaxUnpool",
    "RoiAlign",
    "Tile",
  ],
  "for training, text, sound, bits or shapes": [
    "Bernoulli",
    "BitShift",
    "BlackmanWindow",
    "CastLike",
    "DFT",
    "Det",
    "Einsum",
    "EyeLike",
    "HammingWindow",
    "HannWindow",
    "MelWeightMatrix",
    "NegativeLogLikelihoodLoss",
    "RandomUniformLike",
    "STFT",
    "Size",
    "SoftmaxCrossEntropyLoss",
    "StringNormalizer",
    "TfIdfVectorizer",
    "Trilu",
    "Xor",
  ],
};

/** What is said of operators that have a rule, where the test asks for another form. */
export const refusedForms: readonly [operator: RegExp, why: RegExp][] = [
  // Rounds hold real numbers; integers that wrap and truncate would be others.
  [/./, /^it computes in integers, which wrap and truncate/],
  [/^Cast$/, /to ONNX's type \d+, which truncates it/],
  // A batch of one.
  [/^input$/, /only the first axis \(the batch\) may be of unknown length/],
  [/^Gemm$/, /^it multiplies \d+ rows at once/],
  [/^BatchNormalization$/, /^it is in training mode$/],
  [/^MaxPool$/, /^it gives the places of the maxima as well$/],
  [/^BatchNormalization$/, /channels do not fit a tensor/],
  [/^(DepthToSpace|SpaceToDepth)$/, /^blocks of \d do not fit a tensor/],
  [/^ConvTranspose$/, /1-D and 2-D convolutions of a batch of 1 are known/],
  [/^(Average|Max)Pool$/, /1-D and 2-D pooling of a batch of 1 is known/],
  [/^output$/, /^its map of \d+ places is larger than/],
  [/^Slice$/, /^its result would have shape/],
  [/^Resize$/, /^its mode "(cubic|linear)" is not known$/],
  [/^LRN$/, /^it works on a tensor of shape \[5,5,5,5\]$/],
  // A scale that is computed from the reading.
  [
    /^QuantizeLinear$/,
    /depends on the reading; only a constant is known there$/,
  ],
  [/^Pow$/, /^it is not linear and differs from element to element/],
  [/^(Softmax|LogSoftmax|ArgMax)$/, /not on all scores together$/],
  [/^LogSoftmax$/, /^it is known only as the last operator/],
  // Known on constants and shapes only.
  [
    /^(Equal|Greater|Less|Or|Range|ReduceProd|Expand)$/,
    /^it works on a tensor that depends on the reading; only constants/,
  ],
  [/^Mod$/, /remainders of C's kind/],
  [/^(GRU|LSTM|RNN)$/, /^it has no output/],
  [/^DynamicQuantizeLinear$/, /are read by more than a product$/],
  [/^GRU$/, /^its reset gate stands before the product/],
  [/^(LSTM|RNN)$/, /up to 64 steps of a batch of 1 are known$/],
  [/^Dropout$/, /^it is in training mode/],
];

/** What is said of files as a whole. */
export const refusedFiles: readonly RegExp[] = [
  /^Cannot read ONNX model: expected opset 7 to 21, got/,
  /^Cannot compile model: its output is a constant$/,
  // Inputs that are no tensors: sequences, optional values, none at all; and text.
  /^Cannot read tensor "": expected \S+ elements of shape/,
  /^Cannot read tensor "": element type \d+ is not supported/,
  /^it has no input$/,
];
