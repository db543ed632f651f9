/**
 * What the functions use of JavaScript and Node 20 has not.
 *
 * @module
 */

// Node has it from version 22 on.
Promise.withResolvers ??= function <T>() {
  const made = {} as PromiseWithResolvers<T>;
  made.promise = new Promise<T>((resolve, reject) =>
    Object.assign(made, { resolve, reject })
  );
  return made;
};
