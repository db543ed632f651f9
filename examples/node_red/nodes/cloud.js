/**
 * Configuration node: where the functions run, and the gateway's key. The bearer token
 * and the passphrase are credentials, which Node-RED keeps encrypted and apart.
 *
 * @module
 */
"use strict";
const { mkdirSync } = require("node:fs");
const { dirname, join, resolve } = require("node:path");

module.exports = function (RED) {
  function CloudNode(config) {
    RED.nodes.createNode(this, config);
    const userDir = RED.settings.userDir || ".";
    this.url = config.url;
    this.token = this.credentials.token || undefined;
    /** Where keys and queues lie. */
    this.folder = join(userDir, "cipherlayer");
    this.keyFile = config.keyFile
      ? resolve(userDir, config.keyFile)
      : join(this.folder, "gateway.key");

    /** The key store; its first use makes a key. */
    this.openKeys = async () => {
      if (!this.credentials.passphrase) {
        throw new Error(
          "Cannot open the key: expected a passphrase in the cloud's configuration",
        );
      }
      const { FileKeyStore } = await import("@cipherlayer/sdk/key-store-file");
      mkdirSync(dirname(this.keyFile), { recursive: true, mode: 0o700 });
      return new FileKeyStore(this.keyFile, this.credentials.passphrase);
    };
  }

  RED.nodes.registerType("cipherlayer-cloud", CloudNode, {
    credentials: {
      token: { type: "password" },
      passphrase: { type: "password" },
    },
  });
};
