/**
 * The refusal of a model, with the list of nodes that caused it.
 *
 * @module
 */
/** One node that stands in the way of compiling a model. */
export interface OffendingNode {
  name: string;
  operator: string;
  why: string;
  /** What to do instead. */
  instead: string;
}

/** Names that a line of the message gives. */
const namesShown = 3;

/** The model holds nodes that no round and no step of the gateway can express. */
export class UnsupportedModelError extends Error {
  override readonly name = "UnsupportedModelError";

  /** @param nodes every offending node, in the order of the graph */
  constructor(readonly nodes: OffendingNode[]) {
    const groups = new Map<string, OffendingNode[]>();
    for (const node of nodes) {
      const key = JSON.stringify([node.operator, node.why, node.instead]);
      groups.set(key, [...groups.get(key) ?? [], node]);
    }
    super(
      `Cannot compile model: ${nodes.length} unsupported node${
        nodes.length === 1 ? "" : "s"
      }\n${[...groups.values()].map(lineOf).join("\n")}`,
    );
  }
}

/** Nodes of one operator with one reason. */
function lineOf(group: OffendingNode[]): string {
  const [{ operator, why, instead }] = group;
  const names = group.slice(0, namesShown).map(({ name }) => name).join(", ");
  const more = group.length > namesShown
    ? ` and ${group.length - namesShown} more`
    : "";
  return `  ${operator}: ${names}${more}: ${why}; ${instead}`;
}

/** Thrown by the lowering of one node; the pass collects them. */
export class UnsupportedNodeError extends Error {
  constructor(readonly why: string, readonly instead: string) {
    super(`${why}; ${instead}`);
  }
}
