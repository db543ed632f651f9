/**
 * Where the trained networks lie that come with the program.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** Folder of the zoo's models; in the npm package it lies beside the program's folder. */
export const zooFolder = fileURLToPath(new URL("../zoo", import.meta.url));
