/**
 * Lists the models that the functions serve.
 *
 * @module
 */
"use strict";

module.exports = function (RED) {
  function ModelsNode(config) {
    RED.nodes.createNode(this, config);
    const cloud = RED.nodes.getNode(config.cloud);
    this.on("input", async (msg, send, done) => {
      try {
        if (!cloud) throw new Error("Cannot list models: expected a cloud");
        const { listModels } = await import("@cipherlayer/sdk");
        msg.payload = await listModels(cloud.url, { token: cloud.token });
        this.status({
          fill: "green",
          shape: "dot",
          text: `${msg.payload.length} models`,
        });
        send(msg);
        done();
      } catch (error) {
        this.status({ fill: "red", shape: "ring", text: error.message });
        done(error);
      }
    });
  }

  RED.nodes.registerType("cipherlayer-models", ModelsNode);
};
