/**
 * Sends readings through a model that the cloud evaluates without seeing them. They wait
 * in a queue, on disk if the node says so, until the functions can be reached.
 *
 * @module
 */
"use strict";
const { mkdirSync } = require("node:fs");
const { join } = require("node:path");

const longestDelayMs = 60_000;

module.exports = function (RED) {
  function InferNode(config) {
    RED.nodes.createNode(this, config);
    const cloud = RED.nodes.getNode(config.cloud);
    if (!cloud) {
      this.status({ fill: "red", shape: "ring", text: "no cloud" });
      return;
    }
    const gateway = new Gateway(RED, this, cloud, config);
    this.on("input", (msg, send, done) => gateway.take({ msg, send, done }));
    this.on("close", (_removed, done) => gateway.close().then(done, done));
  }

  RED.nodes.registerType("cipherlayer-infer", InferNode);
};

/** One node's queue and session, from deploy to deploy. */
class Gateway {
  #RED;
  #node;
  #cloud;
  #config;
  #stop = new AbortController();
  /** Messages of this process whose answers are not there yet, by number in the queue. */
  #pending = new Map();
  /** Messages are queued one after the other, so that answers keep their order. */
  #taking = Promise.resolve();
  #queue;
  #running;
  #away = null;
  #refused = null;
  /** What is done before there is a session. */
  #phase = "opening the key";

  constructor(RED, node, cloud, config) {
    this.#RED = RED;
    this.#node = node;
    this.#cloud = cloud;
    this.#config = config;
    this.#queue = this.#openQueue();
    this.#running = this.#run();
  }

  /** Puts a message's reading into the queue. */
  take(job) {
    this.#taking = this.#taking.then(() => this.#take(job));
  }

  /** Ends what is under way. Readings on disk stay; those in memory are given up. */
  async close() {
    this.#stop.abort(new Error("The node was stopped"));
    await this.#taking;
    await this.#running;
    const queue = await this.#queue.catch(() => null);
    await queue?.[Symbol.asyncDispose]();
    for (const { done } of this.#pending.values()) {
      // On disk it is answered after the restart, as a message of its own.
      if (this.#config.keep) done();
      else done(new Error("The node was stopped before the answer came"));
    }
  }

  async #openQueue() {
    const sdk = await import("@cipherlayer/sdk");
    const keys = await this.#cloud.openKeys();
    await sdk.openKey(keys, { signal: this.#stop.signal });
    return await sdk.OfflineQueue.open({
      keys,
      store: await this.#openStore(sdk),
      capacity: Number(this.#config.capacity) || 1000,
      whenFull: "drop-oldest",
    });
  }

  async #openStore(sdk) {
    if (!this.#config.keep) return new sdk.MemoryBlobStore();
    const folder = join(this.#cloud.folder, `queue-${this.#node.id}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { FileBlobStore } = await import("@cipherlayer/sdk/blob-store-file");
    return new FileBlobStore(folder);
  }

  async #take(job) {
    const { msg, done } = job;
    try {
      const queue = await this.#queue;
      // What a message is rebuilt from after a restart.
      const { _msgid, topic } = msg;
      const { id, dropped } = await queue.add(msg.payload, {
        meta: { _msgid, topic },
      });
      this.#pending.set(id, job);
      for (const lost of dropped) {
        this.#finish(
          lost,
          new Error("The queue is full: the oldest reading went"),
        );
      }
      this.#show();
    } catch (error) {
      done(error);
    }
  }

  /** Connects and answers until the node is stopped, or the functions refuse for good. */
  async #run() {
    const { signal } = this.#stop;
    try {
      this.#show();
      const queue = await this.#queue;
      this.#phase = "connecting";
      this.#show();
      const session = await this.#connect();
      try {
        this.#phase = null;
        this.#show();
        const clamp = this.#config.clamp === true;
        const answered = queue.process(session, {
          follow: true,
          clamp,
          signal,
        });
        for await (const outcome of answered) this.#tell(outcome);
      } finally {
        await session.close();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#refused = error.message;
      this.#show();
      this.#node.error(`${error.message}. Deploy again to try again`);
    }
  }

  async #connect() {
    const { connect, exponentialBackoff } = await import("@cipherlayer/sdk");
    const { model, contract, samples } = this.#config;
    const session = await connect({
      url: this.#cloud.url,
      token: this.#cloud.token,
      model,
      contract: contract || undefined,
      keys: await this.#cloud.openKeys(),
      samples: Number(samples) || 1,
      signal: this.#stop.signal,
      retry: exponentialBackoff({ attempts: Infinity, longestDelayMs }),
      onRetry: ({ error }) => {
        if (this.#away !== error.message) this.#node.warn(error.message);
        this.#away = error.message;
        this.#show();
      },
    });
    this.#away = null;
    return session;
  }

  #tell({ id, takenAt, meta, answer, refused }) {
    this.#away = null;
    const { msg, send } = this.#pending.get(id) ?? {
      msg: { ...meta },
      send: (message) => this.#node.send(message),
    };
    if (answer) {
      msg.payload = answer.label ?? answer.outputs ?? answer.predicted;
      msg.cipherlayer = summarise(answer, takenAt);
      send(msg);
      this.#finish(id);
    } else if (this.#pending.has(id)) this.#finish(id, new Error(refused));
    else this.#node.error(refused, msg);
    this.#show();
  }

  #finish(id, error) {
    const done = this.#pending.get(id)?.done;
    this.#pending.delete(id);
    done?.(error);
  }

  /** The dot and the words below the node. */
  #show() {
    const waiting = this.#pending.size;
    const count = waiting === 0 ? "" : `, ${waiting} waiting`;
    const [fill, shape, words] = this.#refused
      ? ["red", "dot", this.#refused]
      : this.#away
      ? ["red", "ring", `away${count}: ${this.#away}`]
      : this.#phase
      ? ["yellow", "ring", `${this.#phase}${count}`]
      : waiting > 0
      ? ["blue", "dot", `${waiting} waiting`]
      : ["green", "dot", "ready"];
    this.#node.status({ fill, shape, text: words });
  }
}

/** What `msg.cipherlayer` tells of an answer. */
function summarise(answer, takenAt) {
  const { label, predicted, scores, outputs, clampedValues, totalMs, kernel } =
    answer;
  const { cloud, gateway } = answer.leakage;
  return {
    label,
    predicted,
    scores,
    outputs,
    clampedValues,
    takenAt,
    totalMs,
    kernel,
    leakage: {
      cloudBits: cloud.bits,
      cloudLearns: cloud.learns,
      gatewayLearns: gateway.learns,
    },
  };
}
