/**
 * The order in which a round's channels are sent out.
 *
 * @module
 */

/** order[p] = the model's number of the unit that the gateway sees at place p. */
export type Order = Uint32Array;

/** The order of `length` channels or elements that make up the units. */
export function expandOrder(order: Order, length: number): Order {
  const size = length / order.length;
  return Uint32Array.from(
    { length },
    (_, place) => order[Math.floor(place / size)] * size + place % size,
  );
}
