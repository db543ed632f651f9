/** One node that stands in the way of compiling a model. */
export interface OffendingNode {
  name: string;
  operator: string;
  why: string;
  /** What to do instead. */
  instead: string;
}

/** The model holds nodes that no round and no step of the edge can express. */
export class UnsupportedModelError extends Error {
  override readonly name = "UnsupportedModelError";

  /** @param nodes every offending node, in the order of the graph */
  constructor(readonly nodes: OffendingNode[]) {
    const lines = nodes.map(({ name, operator, why, instead }) =>
      `  ${name} (${operator}): ${why}; ${instead}`
    );
    super(
      `Cannot compile model: ${nodes.length} unsupported node${
        nodes.length === 1 ? "" : "s"
      }\n${lines.join("\n")}`,
    );
  }
}

/** Thrown by the lowering of one node; the pass collects them. */
export class UnsupportedNodeError extends Error {
  constructor(readonly why: string, readonly instead: string) {
    super(`${why}; ${instead}`);
  }
}
